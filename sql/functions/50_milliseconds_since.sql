-- Milliseconds from a time to now, as `duration_ms` holds them: it stops at 2147483647, which a delay of a month
-- passes. Zero since a time that is infinite: somebody wrote the execution by hand.
CREATE FUNCTION automations.milliseconds_since(began timestamptz)
RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN isfinite(began)
        THEN least(greatest(extract(epoch FROM clock_timestamp() - began) * 1000, 0), 2147483647)::integer
        WHEN began IS NOT NULL THEN 0 END
$$;
