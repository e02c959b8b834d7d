-- Makes the row of one execution that was a captured change until now, as create_executions() does for many: as running, or,
-- with a result, as it ended. Called with its queue row locked. False: nothing was made, and create_executions() has more to
-- decide: something that it refers to is gone, changed hands or is locked, or its changes are kept. What that does for many
-- takes longer to set up than all of this.
CREATE FUNCTION automations.create_one(account_id uuid, execution_id uuid, result jsonb DEFAULT NULL)
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
    is_test boolean;
    ended_at timestamptz := CASE WHEN result IS NOT NULL THEN clock_timestamp() END;
BEGIN
    SELECT q.automation_id, array_remove(ARRAY[q.lead_id], NULL), array_remove(ARRAY[q.conversation_id], NULL), q.test_mode,
           greatest(ended_at, CASE WHEN result IS NOT NULL THEN q.occurred_at END)
    INTO automation, leads, conversations, is_test, ended_at
    FROM automations.queue q WHERE q.account_id = create_one.account_id AND q.id = create_one.execution_id;
    PERFORM FROM public.automations a WHERE a.id = automation FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND OR EXISTS (SELECT FROM automations.listeners l WHERE l.keep AND l.automation_id = automation)
        OR cardinality(leads) + cardinality(conversations) > 0 AND cardinality(leads) + cardinality(conversations) <> (
            SELECT count(*) FROM automations.hold_host(leads, conversations) h
            WHERE h.held AND h.account_id = create_one.account_id) THEN
        RETURN false;
    END IF;
    INSERT INTO public.automation_executions (
        id, automation_id, account_id, version, trigger_type, trigger_data, status, started_at, test_mode, lead_id,
        conversation_id, caused_by, depth, error, error_code, error_node_id, output, variables, nodes_executed,
        completed_at, duration_ms, steps)
    SELECT q.id, q.automation_id, q.account_id,
           coalesce(q.version, (SELECT a.version FROM public.automations a WHERE a.id = q.automation_id)),
           q.trigger_type, q.trigger_data, coalesce(result ->> 'status', 'running'), q.occurred_at, q.test_mode,
           q.lead_id, q.conversation_id, q.caused_by, q.depth, result ->> 'error', result ->> 'error_code',
           result ->> 'error_node_id', automations.output_of(result), coalesce(nullif(result -> 'variables', 'null'), '{}'),
           coalesce(nullif(result -> 'nodes_executed', 'null'), '[]'), ended_at,
           CASE WHEN result IS NOT NULL THEN automations.milliseconds_since(q.occurred_at) END,
           -- where it ends without them, what it was about to do is still said
           CASE WHEN result IS NOT NULL THEN coalesce(nullif(nullif(result -> 'steps', 'null'), '[]'), q.steps) END
    FROM automations.queue q WHERE q.account_id = create_one.account_id AND q.id = create_one.execution_id;
    IF result ->> 'status' IN ('completed', 'failed') AND NOT is_test THEN
        PERFORM automations.count_executions(
            ARRAY[automation], ARRAY[result ->> 'status'], ARRAY[result ->> 'error_code'], ARRAY[ended_at]);
    END IF;
    RETURN true;
END
$$;
