-- The names of the automations along caused_by, the first one first: what `loop_depth` shows to say how executions
-- came to start each other. Given the execution whose write caused the last one.
CREATE FUNCTION automations.chain(execution_id uuid)
RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE link AS (
        SELECT e.automation_id, e.caused_by, 1 AS distance
        FROM public.automation_executions e WHERE e.id = execution_id
        UNION ALL
        -- a chain is never longer than the depth limit; the bound is for rows that somebody wrote by hand
        SELECT e.automation_id, e.caused_by, l.distance + 1
        FROM link l JOIN public.automation_executions e ON e.id = l.caused_by
        WHERE l.distance < 50
    )
    SELECT coalesce(array_agg(a.name ORDER BY l.distance DESC), '{}')
    FROM link l JOIN public.automations a ON a.id = l.automation_id
$$;
