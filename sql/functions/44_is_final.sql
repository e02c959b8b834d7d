-- Has this execution ended? A final state never changes.
CREATE FUNCTION automations.is_final(execution_id uuid)
RETURNS boolean
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM public.automation_executions e
        WHERE e.id = execution_id AND e.status IN ('completed', 'failed', 'cancelled'))
$$;
