-- A step of a result with what is written of it in nodes_executed already: a daemon sends that once, because to read JSON
-- is much of what an end costs. The step says which line (from 0) and has the last word.
-- A body that is parsed when the function is created: it becomes part of the statement that asks.
CREATE FUNCTION automations.whole_step(step jsonb, result jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN step ? 'line' THEN coalesce(result -> 'nodes_executed' -> (step ->> 'line')::integer, '{}') || step
            ELSE step END;
