-- Milliseconds from a time to now, as `duration_ms` holds them: it stops at 2147483647, which a delay of a month
-- passes. Zero since a time that is infinite: somebody wrote the execution by hand.
-- A body that is parsed when the function is created: it looks nothing up by a path, and becomes part of the statement
-- that asks instead of being planned at each call.
CREATE FUNCTION automations.milliseconds_since(began timestamptz)
RETURNS integer
LANGUAGE sql VOLATILE
RETURN CASE WHEN began IS NOT NULL THEN least(automations.age_in_ms(began), 2147483647)::integer END;
