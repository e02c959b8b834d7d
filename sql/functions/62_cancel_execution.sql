-- Cancels an execution at once, whatever it is doing: what waits or is parked never runs, what a daemon has in hand
-- loses its queue row and with it the right to write anything more. Called with the rights of the tables' owner by a
-- caller to whom it was visible. False when there is no such execution or it has ended already.
-- Executions for whose end it waits are cancelled too, and one that waits for its end is told; `patient` as in end_waits.
-- The queue row comes first, as in every other change of state, so that no two can lock each other.
CREATE FUNCTION automations.cancel_execution(execution_id uuid, patient boolean DEFAULT true)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    automation uuid;
    account uuid := (SELECT e.account_id FROM public.automation_executions e WHERE e.id = execution_id);
    q automations.queue;
BEGIN
    IF account IS NULL THEN
        -- a captured change that has no row yet: the queue is all that knows of it, and comes to know of it
        -- now where its record is not quiet yet
        PERFORM automations.end_windows(ARRAY[execution_id]);
        account := (SELECT w.account_id FROM automations.queue w WHERE w.id = execution_id);
    END IF;
    IF EXISTS (SELECT FROM automations.listeners l WHERE l.keep) AND EXISTS (
        SELECT FROM automations.queue w
        WHERE w.account_id = account AND w.id = execution_id AND w.steps IS NOT NULL AND NOT w.has_execution) THEN
        PERFORM automations.keep_changes(ARRAY[account], ARRAY[execution_id]);
    END IF;
    DELETE FROM automations.queue w WHERE w.account_id = account AND w.id = execution_id RETURNING w.* INTO q;
    IF FOUND THEN
        PERFORM automations.free_slots(ARRAY[execution_id]);
    END IF;
    IF q.id IS NOT NULL AND NOT q.has_execution THEN
        -- so that somebody who asks what became of the change finds an answer; what it was about to do is told below
        INSERT INTO public.automation_executions (
            id, automation_id, account_id, version, trigger_type, trigger_data, status, started_at, completed_at,
            duration_ms, test_mode, caused_by, depth, steps, lead_id, conversation_id)
        SELECT q.id, q.automation_id, q.account_id, q.version, q.trigger_type, q.trigger_data,
               CASE WHEN q.steps IS NULL THEN 'cancelled' ELSE 'running' END, q.occurred_at,
               CASE WHEN q.steps IS NULL THEN greatest(clock_timestamp(), q.occurred_at) END,
               CASE WHEN q.steps IS NULL THEN automations.milliseconds_since(q.occurred_at) END, q.test_mode,
               q.caused_by, q.depth, q.steps,
               CASE WHEN q.steps IS NOT NULL AND automations.account_of('lead', q.lead_id) = q.account_id THEN q.lead_id END,
               CASE WHEN q.steps IS NOT NULL AND automations.account_of('conversation', q.conversation_id) = q.account_id
                   THEN q.conversation_id END
        FROM public.automations a WHERE a.id = q.automation_id
        RETURNING automation_id INTO automation;
    END IF;
    IF q.id IS NULL OR q.has_execution OR q.steps IS NOT NULL THEN
        UPDATE public.automation_executions e
        SET status = 'cancelled',
            nodes_executed = automations.nodes_executed(e.id, 'cancelled'),
            completed_at = greatest(clock_timestamp(), e.started_at),
            duration_ms = automations.milliseconds_since(e.started_at)
        WHERE e.id = execution_id AND e.status IN ('pending', 'running', 'waiting')
        RETURNING e.automation_id, e.account_id INTO automation, account;
    END IF;
    DELETE FROM automations.parked p WHERE p.execution_id = cancel_execution.execution_id;
    -- It may have come back from there meanwhile, and be in a daemon's hand. Not waited for, because another cancel may have
    -- it locked and wait for this one; a daemon's heartbeat or record lets it go in a moment.
    FOR attempt IN 1..20 LOOP
        EXIT WHEN q.id IS NOT NULL
            OR NOT EXISTS (SELECT FROM automations.queue w WHERE w.account_id = account AND w.id = execution_id);
        DELETE FROM automations.queue w USING (
            SELECT x.account_id, x.id FROM automations.queue x WHERE x.account_id = account AND x.id = execution_id
            FOR UPDATE SKIP LOCKED) back
        WHERE w.account_id = back.account_id AND w.id = back.id;
        IF FOUND THEN
            PERFORM automations.free_slots(ARRAY[execution_id]);
            EXIT;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    IF automation IS NULL THEN
        RETURN false;
    END IF;
    PERFORM automations.end_waits(ARRAY[cancel_execution.execution_id], patient);
    PERFORM automations.hand_to_parents(ARRAY[cancel_execution.execution_id]);
    -- only a hint: the daemon that has it in hand asks its heartbeat at once instead of in some seconds
    PERFORM pg_notify('automation_cancel', execution_id::text);
    PERFORM automations.announce(jsonb_build_array(
        jsonb_build_object('id', execution_id, 'automation_id', automation, 'status', 'cancelled')));
    RETURN true;
END
$$;
