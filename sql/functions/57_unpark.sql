-- Puts parked executions that are due back into the queue, up to `batch` of them, and as many changes of records that
-- have been quiet long enough. Also says in how many milliseconds the next one is due (0: at once, null: none has a
-- time), so that nobody needs to ask before.
CREATE FUNCTION automations.unpark(batch integer)
RETURNS TABLE (moved integer, next_in_ms bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
DECLARE
    due uuid[];
BEGIN
    due := ARRAY(
        SELECT p.execution_id FROM automations.parked p
        -- in a subquery, because a volatile function is no condition for an index: each look would read every parked row
        WHERE p.wake_at <= (SELECT clock_timestamp())
        ORDER BY p.wake_at
        LIMIT batch
        FOR UPDATE SKIP LOCKED);
    -- something came and whoever brought it found the row locked, or rolled back after he had passed it to another
    due := due || ARRAY(
        SELECT p.execution_id FROM automations.waits w JOIN automations.parked p ON p.execution_id = w.execution_id
        WHERE w.came IS NOT NULL AND w.kind IS NOT NULL AND w.came_at <= (SELECT clock_timestamp())
        ORDER BY w.came_at
        LIMIT batch
        FOR UPDATE OF p SKIP LOCKED);
    moved := automations.requeue(due);

    SELECT greatest(ceil(extract(epoch FROM p.wake_at - clock_timestamp()) * 1000), 0)::bigint INTO next_in_ms
    FROM automations.parked p WHERE p.wake_at IS NOT NULL ORDER BY p.wake_at LIMIT 1;

    SELECT unpark.moved + w.moved, least(unpark.next_in_ms, w.next_in_ms) INTO moved, next_in_ms
    FROM automations.end_due_windows(batch) w;
    RETURN NEXT;
END
$$;
