-- Deletes these executions and their steps; one that somebody has locked waits for the next clean-up.
CREATE OR REPLACE FUNCTION automations.forget_executions(ids uuid[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    free uuid[] := ARRAY(
        SELECT e.id FROM public.automation_executions e WHERE e.id = ANY (ids) ORDER BY e.id FOR UPDATE SKIP LOCKED);
BEGIN
    DELETE FROM automations.steps s WHERE s.execution_id = ANY (free);
    DELETE FROM public.automation_executions e WHERE e.id = ANY (free);
    RETURN cardinality(free);
END
$$;
REVOKE ALL ON FUNCTION automations.forget_executions(uuid[]) FROM PUBLIC;
