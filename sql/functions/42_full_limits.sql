-- Which of these accounts, and which of their automations, have as many in flight as they may: a first look, without
-- locks, so that a claim need not read what it cannot have. within_limits() decides.
CREATE FUNCTION automations.full_limits(accounts uuid[])
RETURNS SETOF uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    WITH counted AS MATERIALIZED (
        SELECT f.account_id, f.automation_id
        FROM automations.in_flight f
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.execution_id AND q.lease_token = f.token
        WHERE f.account_id = ANY (accounts)
    )
    SELECT l.automation_id FROM automations.limits l
    WHERE l.account_id = ANY (accounts) AND l.max_in_flight <= (
        SELECT count(*) FROM counted c WHERE c.account_id = l.account_id AND c.automation_id = l.automation_id)
    UNION ALL
    SELECT a.account_id FROM public.automation_accounts a
    WHERE a.account_id = ANY (accounts) AND a.max_in_flight <= (
        SELECT count(*) FROM counted c WHERE c.account_id = a.account_id)
$$;
