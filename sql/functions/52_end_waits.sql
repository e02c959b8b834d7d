-- Executions have ended: what their steps waited for comes no more, and executions for whose end they waited are
-- cancelled. `patient`: wait for what somebody has locked, the children first and then the own rows, because a child
-- that ends comes from the other side: its own rows first, then the parent's here. Else nothing is waited for, because
-- one open transaction must not stall a daemon: a child that somebody has locked is left to cancel_left_children().
CREATE FUNCTION automations.end_waits(ended uuid[], patient boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    w record;
    left_over uuid[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM automations.waits x WHERE x.execution_id = ANY (ended)) THEN
        RETURN;
    END IF;
    FOR w IN
        SELECT x.child_id, x.account_id FROM automations.waits x
        WHERE x.execution_id = ANY (ended) AND x.kind IN ('child', 'ended') AND x.came IS NULL
        ORDER BY x.child_id
    LOOP
        IF NOT patient AND NOT automations.is_free(w.account_id, w.child_id) THEN
            left_over := left_over || w.child_id;
        ELSE
            PERFORM automations.cancel_execution(w.child_id, patient);
        END IF;
    END LOOP;
    IF patient THEN
        DELETE FROM automations.waits x WHERE x.execution_id = ANY (ended);
        RETURN;
    END IF;
    FOR w IN
        SELECT x.execution_id, x.step_key, coalesce(x.child_id = ANY (left_over), false) AS stays
        FROM automations.waits x
        WHERE x.execution_id = ANY (ended)
        ORDER BY x.execution_id, x.step_key FOR UPDATE SKIP LOCKED
    LOOP
        IF w.stays THEN
            UPDATE automations.waits x SET kind = 'ended'
            WHERE x.execution_id = w.execution_id AND x.step_key = w.step_key;
        ELSE
            DELETE FROM automations.waits x WHERE x.execution_id = w.execution_id AND x.step_key = w.step_key;
        END IF;
    END LOOP;
END
$$;
