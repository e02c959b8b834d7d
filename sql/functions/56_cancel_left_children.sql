-- Cancels executions whose parents have ended while somebody had them locked (end_waits). Returns how many are done.
CREATE FUNCTION automations.cancel_left_children()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    w record;
    done integer := 0;
BEGIN
    FOR w IN SELECT x.execution_id, x.step_key, x.account_id, x.child_id FROM automations.waits x
              WHERE x.kind = 'ended' LIMIT 100
    LOOP
        IF automations.is_free(w.account_id, w.child_id) THEN
            PERFORM automations.cancel_execution(w.child_id, false);
            DELETE FROM automations.waits x WHERE x.execution_id = w.execution_id AND x.step_key = w.step_key;
            done := done + 1;
        END IF;
    END LOOP;
    RETURN done;
END
$$;
