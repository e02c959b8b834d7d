-- How many executions of its account are to be claimed before this one, itself included: 1 is next. Null when it does
-- not wait in the queue (it runs, is parked, has ended) or the caller may not see it.
CREATE FUNCTION automations.queue_position(execution_id uuid)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT count(*) FROM automations.queue q
            WHERE q.account_id = e.account_id AND q.id <= e.id AND q.lease_token IS NULL)
    FROM public.automation_executions e
    JOIN automations.queue own ON own.account_id = e.account_id AND own.id = e.id AND own.lease_token IS NULL
    WHERE e.id = execution_id
$$;
