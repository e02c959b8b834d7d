-- Executions have ended: what their steps waited for comes no more, and executions for whose end they waited are
-- cancelled. Their own rows are taken last, after those of the children, because a child that ends comes from the
-- other side: its own rows first, then the parent's row here. `patient`: wait for a child that somebody has locked;
-- else it is left to cancel_left_children(), because one open transaction must not stall a daemon.
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
    DELETE FROM automations.waits x
    WHERE x.execution_id = ANY (ended) AND (x.child_id IS NULL OR x.child_id <> ALL (left_over));
    UPDATE automations.waits x SET kind = 'ended'
    WHERE x.execution_id = ANY (ended) AND x.child_id = ANY (left_over) AND x.kind = 'child';
END
$$;
