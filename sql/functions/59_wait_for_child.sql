-- From now on a step waits for the end of an execution that it started: the row is there before that can end, in the
-- transaction that starts it. One that has ended already (a daemon died, and the step runs again) is handed over now;
-- the lock makes it either ended for us or wait for the row.
CREATE FUNCTION automations.wait_for_child(
    account_id uuid, execution_id uuid, step_key uuid, attempt integer, child_id uuid)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    status text;
BEGIN
    SELECT e.status INTO status FROM public.automation_executions e
    WHERE e.id = wait_for_child.child_id FOR SHARE;
    INSERT INTO automations.waits AS w (execution_id, step_key, account_id, attempt, kind, child_id)
    VALUES (wait_for_child.execution_id, wait_for_child.step_key, wait_for_child.account_id,
        wait_for_child.attempt, 'child', wait_for_child.child_id)
    ON CONFLICT ON CONSTRAINT waits_pkey DO UPDATE
    SET attempt = excluded.attempt, kind = excluded.kind, child_id = excluded.child_id, event = NULL, match = NULL,
        wake_at = NULL, came = NULL, outcome = NULL, payload = NULL, event_id = NULL, came_at = NULL
    WHERE w.kind IS NULL OR w.attempt < excluded.attempt;
    IF coalesce(status, 'cancelled') IN ('completed', 'failed', 'cancelled') THEN
        PERFORM automations.hand_to_parents(ARRAY[wait_for_child.child_id]);
    END IF;
END
$$;
