-- The next executions in fair order, their queue rows locked: accounts take turns by weight, so that one account's
-- hundred thousand pending executions do not delay another account's one. The accounts are found by a skip scan
-- over the queue's primary key (account_id, id), from a random place on, so that the first accounts are not
-- favoured where there are more than one call looks at. Then each gives its share; what some do not use goes to
-- those that have more. Locked rows are passed over, and so are those in `passed`, which the caller has put off
-- already; those of a paused automation stay where they are.
CREATE FUNCTION automations.queue_turn(batch integer, passed uuid[] DEFAULT '{}')
RETURNS TABLE (account_id uuid, id uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while the queue was empty would read the whole queue later
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    begin_at uuid := gen_random_uuid();
    accounts uuid[];
    weights integer[];
    last_ids uuid[];
    found_accounts uuid[];
    found_ids uuid[];
    share integer;
    found_now integer;
    remaining integer := batch;
BEGIN
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
        SELECT l.account_id FROM later l
        UNION ALL
        SELECT e.account_id FROM earlier e WHERE e.account_id < begin_at
        LIMIT greatest(64, batch)
    )
    SELECT array_agg(s.account_id), array_agg(coalesce(greatest(w.weight, 1), 1)),
           array_agg('00000000-0000-0000-0000-000000000000'::uuid)
    INTO accounts, weights, last_ids
    FROM seen s LEFT JOIN public.automation_accounts w ON w.account_id = s.account_id;

    WHILE remaining > 0 AND cardinality(accounts) > 0 LOOP
        share := greatest(1, remaining / (SELECT sum(w) FROM unnest(weights) w)::integer);
        -- each round goes on where its account's last one ended; an account that gave less than its share is done
        WITH turn AS MATERIALIZED (
            SELECT t.account_id, r.id
            FROM unnest(accounts, weights, last_ids) AS t (account_id, weight, last_id)
            -- not a join for each row: a paused automation may have a hundred thousand, read again by every claim
            CROSS JOIN LATERAL (
                SELECT ARRAY(SELECT a.id FROM public.automations a WHERE a.user_id = t.account_id
                    AND NOT (a.enabled AND a.status IN ('active', 'error'))) AS blocked
            ) b
            CROSS JOIN LATERAL (
                SELECT q.id FROM automations.queue q
                WHERE q.account_id = t.account_id AND q.id > t.last_id AND q.lease_token IS NULL
                  AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                ORDER BY q.id
                LIMIT share * t.weight
                FOR UPDATE SKIP LOCKED
            ) r
            LIMIT remaining
        )
        SELECT array_agg(t.account_id), array_agg(t.id) FROM turn t INTO found_accounts, found_ids;
        found_now := coalesce(cardinality(found_ids), 0);
        RETURN QUERY SELECT u.a, u.i FROM unnest(found_accounts, found_ids) AS u (a, i);
        remaining := remaining - found_now;
        EXIT WHEN found_now = 0;

        SELECT array_agg(g.account_id), array_agg(g.weight), array_agg(g.last_id)
        INTO accounts, weights, last_ids
        FROM (
            SELECT u.a AS account_id, t.weight, (array_agg(u.i ORDER BY u.i DESC))[1] AS last_id
            FROM unnest(found_accounts, found_ids) AS u (a, i)
            JOIN unnest(accounts, weights) AS t (account_id, weight) ON t.account_id = u.a
            GROUP BY u.a, t.weight
            HAVING count(*) >= share * t.weight
        ) g;
    END LOOP;
END
$$;
