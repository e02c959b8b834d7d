-- Which of these queue rows, in this order, fit into what their automation and their account may have in flight. Only
-- rows that a limit is about are counted: `counted`. One claim at a time decides about a limit: it locks the limit's row
-- until it commits, and for others it is `busy` meanwhile. For a row that does not fit, full_one is the automation or
-- the account that has no room. What is in flight is counted anew each time, from claims that hold: nothing that dies
-- or is forgotten keeps a slot. `taken` are rows that the caller has got already.
CREATE FUNCTION automations.within_limits(accounts uuid[], ids uuid[], taken uuid[])
RETURNS TABLE (account_id uuid, id uuid, fits boolean, counted boolean, full_one uuid, busy boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    of_automations uuid[];
    of_accounts uuid[];
BEGIN
    of_automations := ARRAY(
        SELECT l.automation_id FROM automations.limits l
        WHERE l.account_id = ANY (accounts) AND l.automation_id IN (
            SELECT q.automation_id FROM unnest(accounts, ids) AS p (account_id, id)
            JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id WHERE NOT q.test_mode)
        ORDER BY l.account_id, l.automation_id
        FOR NO KEY UPDATE SKIP LOCKED);
    of_accounts := ARRAY(
        SELECT a.account_id FROM public.automation_accounts a
        WHERE a.account_id = ANY (accounts) AND a.max_in_flight IS NOT NULL
        ORDER BY a.account_id
        FOR NO KEY UPDATE SKIP LOCKED);

    -- a statement of its own, with a snapshot of its own: what another claim took is there
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT p.place, q.account_id, q.id, q.automation_id, q.test_mode, l.max_in_flight AS automation_max,
               a.max_in_flight AS account_max, l.automation_id = ANY (of_automations) AS automation_held,
               a.account_id = ANY (of_accounts) AS account_held
        FROM unnest(accounts, ids) WITH ORDINALITY AS p (account_id, id, place)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
        LEFT JOIN automations.limits l
               ON l.account_id = q.account_id AND l.automation_id = q.automation_id AND NOT q.test_mode
        LEFT JOIN public.automation_accounts a
               ON a.account_id = q.account_id AND a.max_in_flight IS NOT NULL AND NOT q.test_mode
    ), running AS MATERIALIZED (
        SELECT f.account_id, f.automation_id
        FROM automations.in_flight f
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.execution_id AND q.lease_token = f.token
        WHERE f.account_id = ANY (accounts)
        UNION ALL
        SELECT q.account_id, q.automation_id
        FROM (SELECT DISTINCT u AS account_id FROM unnest(accounts) u) p
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = ANY (taken) AND NOT q.test_mode
    ), by_automation AS (
        SELECT w.*, w.automation_max IS NULL OR (w.automation_held AND w.automation_max >=
            row_number() OVER (PARTITION BY w.account_id, w.automation_id, w.test_mode ORDER BY w.place) + (
                SELECT count(*) FROM running r
                WHERE r.account_id = w.account_id AND r.automation_id = w.automation_id)) AS automation_fits
        FROM wanted w
    ), by_account AS (
        SELECT b.*, b.account_max IS NULL OR (b.account_held AND b.account_max >=
            count(*) FILTER (WHERE b.automation_fits) OVER (PARTITION BY b.account_id, b.test_mode ORDER BY b.place) + (
                SELECT count(*) FROM running r WHERE r.account_id = b.account_id)) AS account_fits
        FROM by_automation b
    )
    SELECT b.account_id, b.id, b.automation_fits AND b.account_fits,
           b.automation_max IS NOT NULL OR b.account_max IS NOT NULL,
           CASE WHEN NOT b.automation_fits THEN b.automation_id WHEN NOT b.account_fits THEN b.account_id END,
           b.automation_max IS NOT NULL AND NOT b.automation_held OR b.account_max IS NOT NULL AND NOT b.account_held
    FROM by_account b
    ORDER BY b.place;
END
$$;
