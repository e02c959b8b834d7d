-- How many failures in a row an automation with these options may have: 10 where they do not say, 0 for no limit. What
-- is no number (a draft may hold anything) counts as not said. Its body is parsed here and becomes part of the statement
-- that asks.
CREATE OR REPLACE FUNCTION automations.error_limit(options jsonb) RETURNS numeric
IMMUTABLE LANGUAGE sql
RETURN CASE WHEN jsonb_typeof(options -> 'error_limit') = 'number' THEN (options ->> 'error_limit')::numeric
            ELSE 10 END;
REVOKE ALL ON FUNCTION automations.error_limit(jsonb) FROM PUBLIC;
