-- The moment so many milliseconds from now, by the clock of the database; null when there is none. A hundred years
-- are for ever, and more does not fit into a timestamp in the end.
-- A body that is parsed when the function is created: it looks nothing up by a path, and becomes part of the statement
-- that asks instead of being planned at each call.
CREATE FUNCTION automations.in_milliseconds(ms numeric)
RETURNS timestamptz
LANGUAGE sql VOLATILE
RETURN CASE WHEN ms IS NOT NULL
    THEN clock_timestamp() + least(greatest(ms, 0), 3155760000000)::bigint * interval '1 millisecond' END;
