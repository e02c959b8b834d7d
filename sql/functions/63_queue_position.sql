-- How many executions of its account are to be claimed before this one, itself included: 1 is next; higher priority
-- comes first, then what is older. Null when it does not wait in the queue (it runs, is parked, has ended) or the caller
-- may not see it. A captured change without a row is known to the queue only, whose key begins with the
-- account: only then it is looked for by its id. One whose record is not quiet yet comes after all that is in the queue.
CREATE FUNCTION automations.queue_position(execution_id uuid)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH this AS (
        SELECT e.account_id, e.id FROM public.automation_executions e WHERE e.id = execution_id
        UNION ALL
        SELECT q.account_id, q.id FROM automations.queue q
        WHERE q.id = execution_id
          AND NOT EXISTS (SELECT FROM public.automation_executions e WHERE e.id = execution_id)
    )
    SELECT (SELECT count(*) FROM automations.queue q
            WHERE q.account_id = own.account_id AND q.lease_token IS NULL
              AND (q.priority > own.priority OR q.priority = own.priority AND q.id <= own.id))
    FROM this t
    JOIN automations.queue own ON own.account_id = t.account_id AND own.id = t.id AND own.lease_token IS NULL
    UNION ALL
    SELECT (SELECT count(*) FROM automations.queue q WHERE q.account_id = d.account_id AND q.lease_token IS NULL)
         + (SELECT count(*) FROM automations.debounced o WHERE o.account_id = d.account_id AND o.due_at <= d.due_at)
    FROM automations.debounced d WHERE d.execution_id = queue_position.execution_id
$$;
