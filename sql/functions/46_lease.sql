-- Puts a lease on queue rows that the caller has locked and inspected, creates the executions that are not there
-- yet and sets the others running. `started_at` is when the thing occurred, not when a daemon got to it. `gone`:
-- leads and conversations that are not there any more. `counted`: those of them that a limit is about.
CREATE FUNCTION automations.lease(accounts uuid[], ids uuid[], gone uuid[], counted uuid[], token uuid, lease_ms bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO public.automation_executions (
        id, automation_id, account_id, version, trigger_type, trigger_data, status, started_at, test_mode,
        lead_id, conversation_id, caused_by, depth)
    SELECT q.id, q.automation_id, q.account_id, q.version, q.trigger_type, q.trigger_data, 'running', q.occurred_at,
           q.test_mode, CASE WHEN q.lead_id <> ALL (gone) THEN q.lead_id END,
           CASE WHEN q.conversation_id <> ALL (gone) THEN q.conversation_id END, q.caused_by, q.depth
    FROM unnest(accounts, ids) AS p (account_id, id)
    JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
    WHERE NOT q.has_execution;

    UPDATE public.automation_executions e SET status = 'running'
    FROM unnest(accounts, ids) AS p (account_id, id)
    JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id AND q.has_execution
    WHERE e.id = p.id AND e.status IN ('pending', 'waiting');

    UPDATE automations.queue q
    SET lease_token = token,
        lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
        attempt = q.attempt + 1,
        has_execution = true,
        trigger_data = NULL,
        record = NULL,
        lead_id = CASE WHEN q.lead_id <> ALL (gone) THEN q.lead_id END,
        conversation_id = CASE WHEN q.conversation_id <> ALL (gone) THEN q.conversation_id END
    FROM unnest(accounts, ids) AS p (account_id, id)
    WHERE q.account_id = p.account_id AND q.id = p.id;

    IF counted <> '{}' THEN
        INSERT INTO automations.in_flight AS f (execution_id, account_id, automation_id, token)
        SELECT q.id, q.account_id, q.automation_id, q.lease_token
        FROM unnest(accounts, ids) AS p (account_id, id)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
        WHERE q.id = ANY (counted)
        ON CONFLICT (execution_id) DO UPDATE SET token = excluded.token;
    END IF;
END
$$;
