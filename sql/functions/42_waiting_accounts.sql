-- The accounts that have something in the queue, with their weights and limits: found by a skip scan over the queue's
-- primary key (account_id, id), from a random place on, so that the first accounts are not favoured where there are
-- more than one call looks at. Accounts in `but_not` are passed over. In `known[i]` only what lies behind `places[i]`
-- is looked at, and the scan goes around what lies before it: rows that ended lie there until a vacuum can take them,
-- and to read past them at each claim costs more than all the rest (queue_turn says more).
CREATE FUNCTION automations.waiting_accounts(
    most integer, but_not uuid[] DEFAULT '{}', known uuid[] DEFAULT '{}', places uuid[] DEFAULT '{}')
RETURNS TABLE (account_id uuid, weight integer, max_in_flight integer, place uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while the queue was empty would read the whole queue later, and one made while it was full all of an
-- account's
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    begin_at constant uuid := gen_random_uuid();
    lowest constant uuid := '00000000-0000-0000-0000-000000000000';
    highest constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
BEGIN
    RETURN QUERY
    WITH point AS (
        -- between two of these the scan runs free; those with a place are looked at themselves
        SELECT DISTINCT ON (p.account_id) p.account_id, p.place
        FROM (SELECT lowest AS account_id, lowest AS place
              UNION ALL SELECT highest, lowest
              UNION ALL SELECT begin_at, NULL
              UNION ALL SELECT n, NULL FROM unnest(but_not) n
              UNION ALL SELECT k.account_id, k.place FROM unnest(known, places) AS k (account_id, place)) p
        ORDER BY p.account_id, p.place NULLS FIRST
    ), stretch AS (
        SELECT s.* FROM (
            SELECT p.account_id, p.place, lead(p.account_id) OVER (ORDER BY p.account_id) AS beyond FROM point p) s
        ORDER BY s.account_id < begin_at, s.account_id
    ), seen AS (
        SELECT x.* FROM stretch s CROSS JOIN LATERAL (
            SELECT s.account_id, s.place
            WHERE EXISTS (SELECT FROM automations.queue q WHERE q.account_id = s.account_id AND q.id > s.place)
               OR s.place <> lowest AND EXISTS (
                    SELECT FROM automations.queue q WHERE q.account_id = s.account_id AND q.priority <> 0)
            UNION ALL
            SELECT i.account_id, lowest FROM (
                WITH RECURSIVE inside AS (
                    (SELECT q.account_id FROM automations.queue q
                     WHERE q.account_id > s.account_id AND q.account_id < s.beyond ORDER BY q.account_id LIMIT 1)
                    UNION ALL
                    SELECT n.account_id FROM inside i, LATERAL (
                        SELECT q.account_id FROM automations.queue q
                        WHERE q.account_id > i.account_id AND q.account_id < s.beyond
                        ORDER BY q.account_id LIMIT 1) n
                )
                SELECT i.account_id FROM inside i
            ) i
        ) x
        LIMIT most
    )
    SELECT s.account_id, coalesce(greatest(w.weight, 1), 1), w.max_in_flight, s.place
    FROM seen s LEFT JOIN public.automation_accounts w ON w.account_id = s.account_id;
END
$$;
