-- Brings back into the queue what unpark() does not see: changes of records that have been quiet long enough (debounced),
-- up to `batch` of them. Also says in how many milliseconds the next one is due.
CREATE FUNCTION automations.end_due_windows(batch integer)
RETURNS TABLE (moved integer, next_in_ms bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    moved := automations.end_windows(ARRAY(
        SELECT d.execution_id FROM automations.debounced d
        WHERE d.due_at <= (SELECT clock_timestamp())
        ORDER BY d.due_at
        LIMIT batch
        FOR UPDATE SKIP LOCKED));
    SELECT greatest(ceil(extract(epoch FROM d.due_at - clock_timestamp()) * 1000), 0)::bigint INTO next_in_ms
    FROM automations.debounced d ORDER BY d.due_at LIMIT 1;
    RETURN NEXT;
END
$$;
