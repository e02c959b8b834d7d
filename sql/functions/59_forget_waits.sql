-- Finds what no change of state came past: waits and parked rows of executions that somebody ended or deleted by hand,
-- and waits for such executions. Reads all of them, so it is a part of maintain(). Returns how many executions.
CREATE FUNCTION automations.forget_waits()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    over uuid[];
    handed uuid[];
    unparked integer;
BEGIN
    over := ARRAY(
        SELECT DISTINCT w.execution_id
        FROM automations.waits w LEFT JOIN public.automation_executions e ON e.id = w.execution_id
        WHERE coalesce(e.status, 'cancelled') IN ('completed', 'failed', 'cancelled') AND w.kind IS DISTINCT FROM 'ended'
        LIMIT 1000);
    PERFORM automations.end_waits(over, false);
    handed := ARRAY(
        SELECT h.child_id FROM automations.hold_parents(ARRAY(
            SELECT w.child_id
            FROM automations.waits w LEFT JOIN public.automation_executions e ON e.id = w.child_id
            WHERE w.kind = 'child' AND w.came IS NULL
              AND coalesce(e.status, 'cancelled') IN ('completed', 'failed', 'cancelled')
            LIMIT 1000)) h
        WHERE h.held);
    PERFORM automations.hand_to_parents(handed);
    WITH stray AS MATERIALIZED (
        SELECT p.execution_id
        FROM automations.parked p LEFT JOIN public.automation_executions e ON e.id = p.execution_id
        WHERE coalesce(e.status, 'cancelled') IN ('completed', 'failed', 'cancelled')
        LIMIT 1000
        FOR UPDATE OF p SKIP LOCKED
    ), gone AS (
        DELETE FROM automations.parked p USING stray s WHERE p.execution_id = s.execution_id
    )
    SELECT count(*) INTO unparked FROM stray;
    RETURN cardinality(over) + cardinality(handed) + unparked;
END
$$;
