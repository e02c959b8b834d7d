-- Puts parked executions that are due back into the queue, up to `batch` of them. Also says in how many
-- milliseconds the next one is due (0: at once, null: none has a time), so that nobody needs to ask before.
CREATE FUNCTION automations.unpark(batch integer)
RETURNS TABLE (moved integer, next_in_ms bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    WITH due AS MATERIALIZED (
        SELECT p.execution_id FROM automations.parked p
        -- in a subquery, because a volatile function is no condition for an index: each look would read every parked row
        WHERE p.wake_at <= (SELECT clock_timestamp())
        ORDER BY p.wake_at
        LIMIT batch
        FOR UPDATE SKIP LOCKED
    ), woken AS (
        DELETE FROM automations.parked p USING due d WHERE p.execution_id = d.execution_id RETURNING p.*
    ), queued AS (
        INSERT INTO automations.queue (
            account_id, id, automation_id, version, trigger_type, lead_id, conversation_id, caused_by, depth,
            test_mode, has_execution, attempt)
        SELECT w.account_id, w.execution_id, w.automation_id, w.version, w.trigger_type, w.lead_id,
               w.conversation_id, w.caused_by, w.depth, w.test_mode, true, w.attempt
        FROM woken w
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) INTO moved FROM woken;

    SELECT greatest(ceil(extract(epoch FROM p.wake_at - clock_timestamp()) * 1000), 0)::bigint INTO next_in_ms
    FROM automations.parked p WHERE p.wake_at IS NOT NULL ORDER BY p.wake_at LIMIT 1;
    RETURN NEXT;
END
$$;
