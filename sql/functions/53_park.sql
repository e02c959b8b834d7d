-- Parks an execution that only waits: no lease, no memory, a row. wake_in_ms: milliseconds until it goes back to the
-- queue, by the clock of the database; null: until it is resumed. What came for one of its steps meanwhile is not slept
-- past: the execution goes back into the queue at once. False: the lease is lost, somebody has ended the execution by
-- hand, or the lease was let go because somebody has locked it (set_aside). An error where somebody has locked the queue
-- row, or what an execution without a row refers to (refuse_while_locked): its row is made here, as waiting.
CREATE FUNCTION automations.park(
    account_id uuid, execution_id uuid, token uuid, wake_in_ms bigint, steps jsonb, nodes_executed jsonb,
    variables jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- arrays of any length have one plan; making a plan for each call costs more than the call
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
-- a step that waits no more may find its row locked by somebody who ends what it waited for: tried again, not waited for
SET lock_timeout = '500ms'
AS $$
DECLARE
    wake timestamptz := automations.in_milliseconds(park.wake_in_ms);
    is_known boolean;
    h record;
    w record;
BEGIN
    SELECT q.has_execution INTO is_known FROM automations.queue q
    WHERE q.account_id = park.account_id AND q.id = park.execution_id AND q.lease_token = park.token
      AND q.lease_until > clock_timestamp()
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        PERFORM automations.refuse_while_locked(park.account_id, park.execution_id, park.token);
        RETURN false;
    END IF;
    IF NOT is_known THEN
        IF automations.create_executions(ARRAY[park.account_id], ARRAY[park.execution_id], ARRAY[1],
            jsonb_build_array(jsonb_build_object('status', 'waiting', 'nodes_executed', park.nodes_executed,
                'variables', park.variables))) = '{}' THEN
            PERFORM automations.refuse_while_locked(park.account_id, park.execution_id, park.token);
            RETURN false;
        END IF;
    ELSE
        SELECT e.held, e.final INTO h FROM automations.hold_executions(ARRAY[park.execution_id]) e;
        IF NOT h.held THEN
            PERFORM automations.set_aside(park.account_id, park.execution_id, park.token, park.steps);
            RETURN false;
        END IF;
        IF h.final THEN
            -- what hangs on its end, as finish() says it
            PERFORM automations.end_waits(ARRAY[park.execution_id], false);
            PERFORM automations.hand_to_parents(ARRAY[park.execution_id]);
            PERFORM automations.free_slots(ARRAY[park.execution_id]);
            DELETE FROM automations.queue q WHERE q.account_id = park.account_id AND q.id = park.execution_id;
            RETURN false;
        END IF;
        UPDATE public.automation_executions e
        SET status = 'waiting',
            nodes_executed = coalesce(park.nodes_executed, e.nodes_executed),
            variables = coalesce(park.variables, e.variables)
        WHERE e.id = park.execution_id;
    END IF;
    PERFORM automations.write_steps(ARRAY[park.account_id], ARRAY[park.execution_id], jsonb_build_array(park.steps));

    IF jsonb_path_exists(park.steps, '$[*].wait')
        OR EXISTS (SELECT FROM automations.waits x WHERE x.execution_id = park.execution_id) THEN
        PERFORM automations.write_waits(park.account_id, park.execution_id, park.steps);
        WITH free AS MATERIALIZED (
            SELECT x.came, x.wake_at FROM automations.waits x
            WHERE x.execution_id = park.execution_id AND x.kind IS NOT NULL
            ORDER BY x.step_key FOR UPDATE SKIP LOCKED
        )
        SELECT count(*) AS free, min(f.wake_at) AS wake_at,
               coalesce(bool_or(f.came IS NOT NULL OR f.wake_at <= clock_timestamp()), false) AS came,
               (SELECT count(*) FROM automations.waits x
                 WHERE x.execution_id = park.execution_id AND x.kind IS NOT NULL) AS known
        INTO w FROM free f;
        IF w.came THEN
            UPDATE automations.queue q
            SET lease_token = NULL, lease_until = NULL, has_execution = true, trigger_data = NULL, steps = NULL
            WHERE q.account_id = park.account_id AND q.id = park.execution_id;
            PERFORM automations.free_slots(ARRAY[park.execution_id]);
            PERFORM automations.wake();
            RETURN true;
        END IF;
        wake := least(wake, w.wake_at,
            -- something is just coming: whoever brings it may not see this execution parked, so it looks itself
            CASE WHEN w.known > w.free THEN clock_timestamp() + interval '1 second' END);
    END IF;

    WITH left_queue AS (
        DELETE FROM automations.queue q
        WHERE q.account_id = park.account_id AND q.id = park.execution_id
        RETURNING q.*
    )
    INSERT INTO automations.parked (
        execution_id, account_id, automation_id, version, lead_id, conversation_id, trigger_type, caused_by, depth,
        test_mode, attempt, priority, wake_at)
    SELECT l.id, l.account_id, l.automation_id, l.version, l.lead_id, l.conversation_id, l.trigger_type, l.caused_by,
           l.depth, l.test_mode, l.attempt, l.priority, wake
    FROM left_queue l;
    PERFORM automations.free_slots(ARRAY[park.execution_id]);
    RETURN true;
END
$$;
