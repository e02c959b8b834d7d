-- Puts a lease on queue rows that the caller has locked and inspected. A captured change gets no row of
-- automation_executions here: its first durable write makes it, as what it is then (create_executions); what has one
-- already is running now. `gone`: leads and conversations that are not there any more. `counted`: those of them that a
-- limit is about.
CREATE FUNCTION automations.lease(accounts uuid[], ids uuid[], gone uuid[], counted uuid[], token uuid, lease_ms bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- arrays of any length have one plan; making a plan for each call costs more than the call
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    known uuid[];
BEGIN
    WITH leased AS (
        UPDATE automations.queue q
        SET lease_token = token,
            lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
            attempt = q.attempt + 1,
            record = NULL,
            lead_id = CASE WHEN q.lead_id <> ALL (gone) THEN q.lead_id END,
            conversation_id = CASE WHEN q.conversation_id <> ALL (gone) THEN q.conversation_id END
        FROM unnest(accounts, ids) AS p (account_id, id)
        WHERE q.account_id = p.account_id AND q.id = p.id
        RETURNING q.id, q.has_execution
    )
    SELECT array_agg(l.id) FILTER (WHERE l.has_execution) INTO known FROM leased l;
    IF known IS NOT NULL THEN
        UPDATE public.automation_executions e SET status = 'running'
        -- not IN: by the index on status a plan reads all that had one of these until a vacuum (seen)
        WHERE e.id = ANY (known) AND e.status NOT IN ('running', 'completed', 'failed', 'cancelled');
    END IF;

    INSERT INTO automations.claims AS c (token, accounts, ids) VALUES (lease.token, lease.accounts, lease.ids)
    ON CONFLICT ON CONSTRAINT claims_pkey DO UPDATE
       SET accounts = c.accounts || excluded.accounts, ids = c.ids || excluded.ids;

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
