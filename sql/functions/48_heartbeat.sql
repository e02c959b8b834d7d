-- Extends the leases of what a daemon has in hand, all in one statement; returns the ids that it still holds.
-- Whatever is not returned has another owner, was cancelled or has ended: stop it at once. A row that is locked
-- (its own daemon records a step, somebody cancels in an open transaction) is still held and returned; its lease
-- is extended by the next heartbeat, so that one open transaction cannot stall the others' leases.
CREATE FUNCTION automations.heartbeat(account_ids uuid[], ids uuid[], tokens uuid[], lease_ms bigint)
RETURNS SETOF uuid
-- in plpgsql, which keeps the plan: a function in SQL would be planned at each call
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN QUERY
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id
        FROM unnest(account_ids, ids, tokens) AS m (account_id, id, token)
        JOIN automations.queue q ON q.account_id = m.account_id AND q.id = m.id AND q.lease_token = m.token
            AND q.lease_until > clock_timestamp()
    ), free AS MATERIALIZED (
        SELECT q.account_id, q.id
        FROM unnest(account_ids, ids, tokens) AS m (account_id, id, token)
        JOIN automations.queue q ON q.account_id = m.account_id AND q.id = m.id AND q.lease_token = m.token
            AND q.lease_until > clock_timestamp()
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    ), extended AS (
        UPDATE automations.queue q
        SET lease_until = clock_timestamp() + lease_ms * interval '1 millisecond'
        FROM free f WHERE q.account_id = f.account_id AND q.id = f.id
    )
    SELECT m.id FROM mine m;
END
$$;
