-- The accounts that have something in the queue, with their weights and from where on each is to be looked at: found by a
-- skip scan over the queue's primary key (account_id, id), from a random place on, so that the first accounts are not
-- favoured where there are more than one call looks at. Accounts in `but_not` are passed over. In `known[i]` only what lies
-- behind `places[i]` is looked at, and the scan goes around what lies before it: rows that ended lie there until a vacuum
-- can take them, and to read past them at each claim costs more than all the rest (queue_turn says more). is_limited: one
-- of them has a limit. Many small questions and not one large one: to set that up took longer than all of these.
CREATE FUNCTION automations.waiting_accounts(
    most integer, but_not uuid[] DEFAULT '{}', known uuid[] DEFAULT '{}', places uuid[] DEFAULT '{}',
    OUT account_ids uuid[], OUT weights integer[], OUT begins uuid[], OUT is_limited boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while the queue was empty would read the whole queue later, and one made while it was full all of an
-- account's
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    lowest constant uuid := '00000000-0000-0000-0000-000000000000';
    begin_at constant uuid := gen_random_uuid();
    -- between two of these the scan runs free; those with a place are looked at themselves
    points uuid[] := known || but_not;
    point_places uuid[] := places[:cardinality(known)] || array_fill(NULL::uuid, ARRAY[cardinality(but_not)]);
    n integer;
    -- where the scan is, and the end of its stretch
    here uuid := begin_at;
    beyond uuid;
    has_turned boolean := false;
    next uuid;
    behind integer;
BEGIN
    account_ids := '{}';
    begins := '{}';
    is_limited := false;
    IF cardinality(points) > 1 THEN
        SELECT array_agg(p.account_id), array_agg(p.place) INTO points, point_places
        FROM (
            SELECT DISTINCT ON (u.account_id) u.account_id, u.place
            FROM unnest(points, point_places) AS u (account_id, place)
            ORDER BY u.account_id, u.place NULLS FIRST
        ) p;
    END IF;
    -- the first point behind the beginning
    n := 1;
    WHILE n <= cardinality(points) AND points[n] < here LOOP
        n := n + 1;
    END LOOP;
    LOOP
        beyond := CASE WHEN n <= cardinality(points) AND (NOT has_turned OR points[n] < begin_at) THEN points[n]
                       WHEN has_turned THEN begin_at END;
        LOOP
            IF beyond IS NULL THEN
                SELECT q.account_id INTO next FROM automations.queue q WHERE q.account_id > here
                ORDER BY q.account_id LIMIT 1;
            ELSE
                SELECT q.account_id INTO next FROM automations.queue q WHERE q.account_id > here AND q.account_id < beyond
                ORDER BY q.account_id LIMIT 1;
            END IF;
            EXIT WHEN next IS NULL OR cardinality(account_ids) >= most;
            account_ids := account_ids || next;
            begins := begins || lowest;
            here := next;
        END LOOP;
        EXIT WHEN cardinality(account_ids) >= most;
        IF beyond IS NULL THEN
            has_turned := true;
            here := lowest;
            n := 1;
            IF lowest <> ALL (points) AND EXISTS (SELECT FROM automations.queue q WHERE q.account_id = lowest) THEN
                account_ids := account_ids || lowest;
                begins := begins || lowest;
            END IF;
        ELSIF has_turned AND (n > cardinality(points) OR points[n] >= begin_at) THEN
            EXIT;
        ELSE
            here := points[n];
            IF EXISTS (SELECT FROM automations.queue q WHERE q.account_id = here AND q.id > point_places[n])
                OR point_places[n] <> lowest AND EXISTS (
                    SELECT FROM automations.queue q WHERE q.account_id = here AND q.priority <> 0) THEN
                account_ids := account_ids || here;
                begins := begins || point_places[n];
            END IF;
            n := n + 1;
        END IF;
    END LOOP;
    IF cardinality(account_ids) > 1 AND cardinality(account_ids) < most THEN
        -- All are found, and any of them may be first: ids that were made one after the other lie side by side, and hardly
        -- ever does the scan begin between them. The first would get each slot that becomes free by itself.
        behind := floor(random() * cardinality(account_ids));
        account_ids := account_ids[behind + 1:] || account_ids[:behind];
        begins := begins[behind + 1:] || begins[:behind];
    END IF;
    IF EXISTS (SELECT FROM public.automation_accounts a WHERE a.account_id = ANY (account_ids)) THEN
        SELECT array_agg(coalesce(greatest(a.weight, 1), 1) ORDER BY u.place), bool_or(a.max_in_flight IS NOT NULL)
        INTO weights, is_limited
        FROM unnest(account_ids) WITH ORDINALITY AS u (account_id, place)
        LEFT JOIN public.automation_accounts a ON a.account_id = u.account_id;
    ELSE
        weights := array_fill(1, ARRAY[cardinality(account_ids)]);
    END IF;
END
$$;
