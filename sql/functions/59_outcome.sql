-- How an execution stands, for whoever waits for its end: no row where there is none of that id in the account. The
-- output as text, so that it can be passed on without being parsed.
CREATE FUNCTION automations.outcome(account_id uuid, execution_id uuid)
RETURNS TABLE (status text, output text, error text, error_code text, error_node_id text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.status, e.output::text, e.error, e.error_code, e.error_node_id
    FROM public.automation_executions e
    WHERE e.id = outcome.execution_id AND e.account_id = outcome.account_id
$$;
