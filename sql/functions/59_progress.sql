-- How far an execution of the account is: its status and, of the steps that are recorded already, how many have
-- completed and which did last.
CREATE FUNCTION automations.progress(account_id uuid, execution_id uuid)
RETURNS TABLE (status text, completed bigint, label text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.status, s.completed, s.label
    FROM public.automation_executions e
    CROSS JOIN LATERAL (
        SELECT count(*) AS completed, (array_agg(coalesce(s.label, s.node_id) ORDER BY s.ordinal DESC))[1] AS label
        FROM automations.recorded_steps s WHERE s.execution_id = e.id AND s.ordinal IS NOT NULL) s
    WHERE e.id = progress.execution_id AND e.account_id = progress.account_id
$$;
