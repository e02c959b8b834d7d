-- The moment so many milliseconds from now, by the clock of the database; null when there is none. A hundred years
-- are for ever, and more does not fit into a timestamp in the end.
CREATE FUNCTION automations.in_milliseconds(ms numeric)
RETURNS timestamptz
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT clock_timestamp() + least(greatest(ms, 0), 3155760000000)::bigint * interval '1 millisecond'
$$;
