-- Hands claims back, as a daemon does that was asked to stop or has no slot for what it claimed ahead: they are pending
-- again at once, daemons are told so, and it does not count as a crash. Returns how many were still held. An execution that
-- somebody has locked keeps its status for now; that it is in the queue without a lease is what counts.
CREATE FUNCTION automations.release(account_ids uuid[], ids uuid[], tokens uuid[])
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
DECLARE
    released uuid[];
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id
        FROM unnest(account_ids, ids, tokens) AS m (account_id, id, token)
        JOIN automations.queue q ON q.account_id = m.account_id AND q.id = m.id AND q.lease_token = m.token
            AND q.lease_until > clock_timestamp()
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    ), freed AS (
        UPDATE automations.queue q SET lease_token = NULL, lease_until = NULL
        FROM mine m WHERE q.account_id = m.account_id AND q.id = m.id
        RETURNING q.id
    )
    SELECT array_agg(f.id) INTO released FROM freed f;
    PERFORM automations.free_slots(released);
    PERFORM automations.set_pending(released);
    IF released IS NOT NULL THEN
        PERFORM automations.wake();
    END IF;
    RETURN coalesce(cardinality(released), 0);
END
$$;
