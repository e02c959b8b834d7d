-- The accounts that have something in the queue, with their weights and limits: found by a skip scan over the queue's
-- primary key (account_id, id), from a random place on, so that the first accounts are not favoured where there are
-- more than one call looks at. Accounts in `but_not` are passed over.
CREATE FUNCTION automations.waiting_accounts(most integer, but_not uuid[] DEFAULT '{}')
RETURNS TABLE (account_id uuid, weight integer, max_in_flight integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while the queue was empty would read the whole queue later
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    begin_at uuid := gen_random_uuid();
BEGIN
    RETURN QUERY
    WITH RECURSIVE later AS (
        (SELECT q.account_id FROM automations.queue q
         WHERE q.account_id >= begin_at ORDER BY q.account_id LIMIT 1)
        UNION ALL
        SELECT n.account_id FROM later l, LATERAL (
            SELECT q.account_id FROM automations.queue q
            WHERE q.account_id > l.account_id ORDER BY q.account_id LIMIT 1) n
    ), earlier AS (
        (SELECT q.account_id FROM automations.queue q ORDER BY q.account_id LIMIT 1)
        UNION ALL
        SELECT n.account_id FROM earlier l, LATERAL (
            SELECT q.account_id FROM automations.queue q
            WHERE q.account_id > l.account_id ORDER BY q.account_id LIMIT 1) n
        WHERE n.account_id < begin_at
    ), seen AS (
        SELECT l.account_id FROM later l WHERE l.account_id <> ALL (but_not)
        UNION ALL
        SELECT e.account_id FROM earlier e WHERE e.account_id < begin_at AND e.account_id <> ALL (but_not)
        LIMIT most
    )
    SELECT s.account_id, coalesce(greatest(w.weight, 1), 1), w.max_in_flight
    FROM seen s LEFT JOIN public.automation_accounts w ON w.account_id = s.account_id;
END
$$;
