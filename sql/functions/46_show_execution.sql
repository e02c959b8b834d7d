-- Makes the row of a claimed execution that was a captured change until now, as running: from here on everybody who may
-- can see it. Called with its queue row locked. False: its automation is gone, and so is its queue row. An error where
-- somebody has locked what it refers to, because nothing waits here: the caller tries again as long as it has the lease.
CREATE FUNCTION automations.show_execution(account_id uuid, execution_id uuid)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    automation uuid;
    leads uuid[];
    conversations uuid[];
BEGIN
    SELECT q.automation_id, array_remove(ARRAY[q.lead_id], NULL), array_remove(ARRAY[q.conversation_id], NULL)
    INTO automation, leads, conversations
    FROM automations.queue q WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id;
    PERFORM FROM public.automations a WHERE a.id = automation FOR KEY SHARE SKIP LOCKED;
    IF FOUND AND NOT EXISTS (SELECT FROM automations.listeners l WHERE l.keep AND l.automation_id = automation)
        AND (cardinality(leads) + cardinality(conversations) = 0 OR cardinality(leads) + cardinality(conversations) = (
            SELECT count(*) FROM automations.hold_host(leads, conversations) h
            WHERE h.held AND h.account_id = show_execution.account_id)) THEN
        -- nearly always all is as it was, and its changes are not kept; to set up what create_executions() does for many costs more than this
        INSERT INTO public.automation_executions (
            id, automation_id, account_id, version, trigger_type, trigger_data, status, started_at, test_mode, lead_id,
            conversation_id, caused_by, depth)
        SELECT q.id, q.automation_id, q.account_id,
               coalesce(q.version, (SELECT a.version FROM public.automations a WHERE a.id = q.automation_id)),
               q.trigger_type, q.trigger_data, 'running', q.occurred_at, q.test_mode, q.lead_id, q.conversation_id,
               q.caused_by, q.depth
        FROM automations.queue q
        WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id;
    ELSIF automations.create_executions(
        ARRAY[account_id], ARRAY[execution_id], ARRAY[1], '[{"status": "running"}]') = '{}' THEN
        IF EXISTS (SELECT FROM automations.queue q
                    WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id) THEN
            RAISE EXCEPTION 'somebody has locked what execution % refers to', execution_id
                USING ERRCODE = 'lock_not_available', HINT = 'Try again in a moment.';
        END IF;
        RETURN false;
    END IF;
    UPDATE automations.queue q SET has_execution = true, trigger_data = NULL
    WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id;
    RETURN true;
END
$$;
