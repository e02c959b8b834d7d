-- Of executions that are about to end: those for which another execution waits, the rows of automations.waits locked,
-- without ever waiting. `held` is false where somebody else has that row locked: its end must be written later.
CREATE FUNCTION automations.hold_parents(children uuid[])
RETURNS TABLE (child_id uuid, held boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    got uuid[];
BEGIN
    IF coalesce(cardinality(children), 0) = 0 THEN
        RETURN;
    END IF;
    got := ARRAY(
        SELECT w.child_id FROM automations.waits w
        WHERE w.child_id = ANY (children) AND w.kind = 'child' AND w.came IS NULL
        ORDER BY w.execution_id, w.step_key FOR UPDATE SKIP LOCKED);
    RETURN QUERY
    SELECT w.child_id, w.child_id = ANY (got) FROM automations.waits w
    WHERE w.child_id = ANY (children) AND w.kind = 'child' AND w.came IS NULL;
END
$$;
