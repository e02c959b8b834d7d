-- The priority that an automation's options give to its executions: a whole number, higher first; what is none is 0.
CREATE FUNCTION automations.priority_of(options jsonb) RETURNS smallint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(options -> 'priority') = 'number'
        THEN trunc(least(greatest((options ->> 'priority')::numeric, -32000), 32000))::smallint
        ELSE 0::smallint END
$$;
