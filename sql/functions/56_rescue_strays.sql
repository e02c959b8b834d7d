-- What rescue() does not find, because it looks at claims: rows of the queue under a lapsed lease of which no claim
-- tells, or whose execution somebody has ended or deleted by hand. Where it is final or gone the row goes too, else it is
-- pending again. Reads the whole queue, so it is a part of maintain(). Returns how many there were.
CREATE FUNCTION automations.rescue_strays()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- the history counts into the cost, though it is only looked into: seen, a second for compiling the plan
SET jit = off
AS $$
DECLARE
    kept uuid[];
    strays integer;
BEGIN
    WITH stray AS MATERIALIZED (
        SELECT q.account_id, q.id,
               NOT q.has_execution OR coalesce(e.status IN ('pending', 'running', 'waiting'), false) AS stays
        FROM automations.queue q
        -- looked up for what has lapsed, never the whole history joined
        LEFT JOIN LATERAL (SELECT x.status FROM public.automation_executions x WHERE x.id = q.id OFFSET 0) e ON true
        WHERE q.lease_until < clock_timestamp()
          AND (q.has_execution AND e.status IS DISTINCT FROM 'running'
               OR NOT EXISTS (SELECT FROM automations.claims c WHERE c.token = q.lease_token))
        FOR UPDATE OF q SKIP LOCKED
    ), gone AS (
        DELETE FROM automations.queue q USING stray s
        WHERE q.account_id = s.account_id AND q.id = s.id AND NOT s.stays
    ), back AS (
        UPDATE automations.queue q SET lease_token = NULL, lease_until = NULL, crashes = q.crashes + 1
        FROM stray s WHERE q.account_id = s.account_id AND q.id = s.id AND s.stays
    )
    SELECT count(*), array_agg(s.id) FILTER (WHERE s.stays) INTO strays, kept FROM stray s;
    PERFORM automations.set_pending(kept);
    RETURN strays;
END
$$;
