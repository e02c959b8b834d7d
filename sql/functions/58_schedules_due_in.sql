-- In how many milliseconds the next schedule is to be fired; 0: one is due, or the clock went back after a next time was
-- computed; null: none has a next time. Reads an entry of each index.
CREATE FUNCTION automations.schedules_due_in() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
BEGIN
    RETURN (SELECT CASE
        WHEN EXISTS (SELECT FROM automations.schedules s WHERE NOT s.held AND s.due_at IS NOT NULL
                        AND s.computed_at > (SELECT clock_timestamp()) + interval '1 minute') THEN 0
        ELSE (SELECT greatest(ceil(extract(epoch FROM s.due_at - clock_timestamp()) * 1000), 0)::bigint
                FROM automations.schedules s WHERE NOT s.held AND s.due_at IS NOT NULL ORDER BY s.due_at LIMIT 1)
        END);
END
$$;
