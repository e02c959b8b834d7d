-- Of executions that are about to end: those of which steps wait, the rows of automations.waits locked, without ever
-- waiting. `held` is false where somebody has one of them locked: the execution must end later. The caller holds the
-- executions, so no row comes after this look.
CREATE FUNCTION automations.hold_waits(executions uuid[])
RETURNS TABLE (execution_id uuid, held boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    got uuid[];
BEGIN
    -- nearly always the whole of it
    IF NOT EXISTS (SELECT FROM automations.waits w WHERE w.execution_id = ANY (executions)) THEN
        RETURN;
    END IF;
    got := ARRAY(
        SELECT w.step_key FROM automations.waits w WHERE w.execution_id = ANY (executions)
        ORDER BY w.execution_id, w.step_key FOR UPDATE SKIP LOCKED);
    RETURN QUERY
    SELECT w.execution_id, bool_and(w.step_key = ANY (got)) FROM automations.waits w
    WHERE w.execution_id = ANY (executions)
    GROUP BY w.execution_id;
END
$$;
