-- The next executions in fair order, their queue rows locked: accounts take turns by weight, so that one account's
-- hundred thousand pending executions do not delay another account's one. Each gives its share, higher priority first
-- and then older first; what some do not use goes to those that have more. Locked rows are passed over, and so are those
-- in `passed`, which the caller has put off already; those of an automation that is not active, or that has as many in
-- flight as it may, stay where they are. counted: what it claims is limited (automations.in_flight). Accounts in `but_not`
-- have no turn. odd: what is more than one captured change that nobody has touched yet, see claim().
-- A row of nulls at the end: somebody else decides about a limit at the moment, so there may be more in a moment.
--
-- Places. What is in flight, what may not run and, until a vacuum may take them, what has ended lie in front of what
-- is next, and once there are many of them it costs more than everything else to read past them; while anybody's
-- transaction is open a vacuum takes nothing. So a caller who has looked at an account from its beginning may tell the
-- next call where it got to: in `known[i]` only what lies behind `places[i]` is looked at. Unless `known` is null, rows
-- with an account and without an id say up to where accounts have now been looked at: to the last row that one gave,
-- where it may have more, else to the end. Never nearer to the present than a quarter of a second, because ids are as
-- old as the insert, and its transaction may commit later than others that began after it.
-- A place is a memory and not a fact. What comes to lie before one (the insert of a transaction that was open for long;
-- an execution that was handed back, rescued or woken; one that was put off; all of an automation that is active again)
-- is found by the next look from the beginning, and the caller sees to it that there is one in time
-- (daemon/src/worker/places.rs). Callers may have different places: a row goes to whoever locks it. What waits for room
-- lies in front of others too: no place is said for an account where a row found no room, and none is used where a limit
-- of an automation has room. What has a priority is found by an index of its own, always from the beginning.
CREATE FUNCTION automations.queue_turn(
    batch integer, passed uuid[] DEFAULT '{}', but_not uuid[] DEFAULT '{}', known uuid[] DEFAULT NULL,
    places uuid[] DEFAULT '{}')
RETURNS TABLE (
    account_id uuid, id uuid, counted boolean, automation_id uuid, lead_id uuid, conversation_id uuid, depth smallint,
    odd boolean, place uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while the queue was empty would read the whole queue later, and one made while it was full would read and
-- sort all of an account's rows (seen: the front is wanted, and of how many rows the plan does not know); the price of a
-- plan with something in it that is off is no reason to compile it (seen: 20 ms)
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    nothing constant uuid := '00000000-0000-0000-0000-000000000000';
    latest constant uuid := automations.uuid_at(clock_timestamp() - interval '250 milliseconds');
    -- of each account that may have more: where it began, and where it goes on: behind the row of this priority and id
    accounts uuid[];
    weights integer[];
    begins uuid[];
    priorities integer[];
    last_ids uuid[];
    limited boolean;
    prioritized boolean := EXISTS (SELECT FROM automations.queue q WHERE q.priority <> 0);
    -- accounts and automations that have as many in flight as they may
    full_ones uuid[] := '{}';
    turn_accounts uuid[];
    turn_ids uuid[];
    turn_priorities integer[];
    turn_automations uuid[];
    turn_leads uuid[];
    turn_conversations uuid[];
    turn_depths smallint[];
    turn_odd boolean[];
    taken uuid[] := '{}';
    share integer;
    room integer;
    at integer;
    busy boolean := false;
    placed uuid[] := '{}';
    placed_at uuid[] := '{}';
    unplaced uuid[] := '{}';
    t record;
BEGIN
    IF known <> '{}' AND EXISTS (SELECT FROM automations.limits l WHERE l.account_id = ANY (known)) THEN
        full_ones := ARRAY(SELECT f FROM automations.full_limits(known) f);
        places := ARRAY(
            SELECT CASE WHEN EXISTS (SELECT FROM automations.limits l
                            WHERE l.account_id = k.account_id AND l.automation_id <> ALL (full_ones))
                        THEN nothing ELSE k.place END
            FROM unnest(known, places) WITH ORDINALITY AS k (account_id, place, n) ORDER BY k.n);
    END IF;
    SELECT array_agg(w.account_id), array_agg(w.weight), array_agg(32767), array_agg(nothing), array_agg(w.place),
           bool_or(w.max_in_flight IS NOT NULL) OR EXISTS (SELECT FROM automations.limits)
    INTO accounts, weights, priorities, last_ids, begins, limited
    FROM automations.waiting_accounts(greatest(64, batch), but_not, coalesce(known, '{}'), places) w;
    IF limited THEN
        full_ones := ARRAY(SELECT f FROM automations.full_limits(accounts) f);
        unplaced := ARRAY(SELECT a FROM unnest(accounts) a WHERE a = ANY (full_ones));
    END IF;

    WHILE cardinality(taken) < batch AND cardinality(accounts) > 0 LOOP
        room := batch - cardinality(taken);
        share := greatest(1, room / (SELECT sum(w) FROM unnest(weights) w)::integer);
        SELECT array_agg(r.account_id), array_agg(r.id), array_agg(r.priority), array_agg(r.automation_id),
               array_agg(r.lead_id), array_agg(r.conversation_id), array_agg(r.depth),
               array_agg(r.has_execution OR r.crashes > 0 OR r.record IS NOT NULL
                   OR coalesce(r.trigger_data ? 'too_large', false))
        INTO turn_accounts, turn_ids, turn_priorities, turn_automations, turn_leads, turn_conversations, turn_depths,
             turn_odd
        FROM (
            SELECT r.*
            FROM unnest(accounts, weights, priorities, last_ids, begins)
                AS t (account_id, weight, priority, last_id, begin)
            -- not a join for each row: a paused automation may have a hundred thousand
            CROSS JOIN LATERAL (
                SELECT ARRAY(SELECT a.id FROM public.automations a WHERE a.user_id = t.account_id
                    AND NOT (a.enabled AND a.status = 'active')) || full_ones AS blocked,
                    t.account_id = ANY (full_ones) AS is_full
            ) b
            CROSS JOIN LATERAL (
                SELECT h.* FROM (
                    SELECT q.* FROM automations.queue q
                    WHERE prioritized AND NOT b.is_full AND q.account_id = t.account_id AND q.lease_token IS NULL
                      AND q.priority > 0 AND q.priority <= t.priority AND (q.priority < t.priority OR q.id > t.last_id)
                      AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                    ORDER BY q.priority DESC, q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) h
                UNION ALL
                SELECT p.* FROM (
                    SELECT q.* FROM automations.queue q
                    WHERE NOT b.is_full AND t.priority >= 0 AND q.account_id = t.account_id AND q.lease_token IS NULL
                      AND q.priority = 0 AND q.id > CASE WHEN t.priority = 0 THEN t.last_id ELSE t.begin END
                      AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                    ORDER BY q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) p
                UNION ALL
                SELECT l.* FROM (
                    SELECT q.* FROM automations.queue q
                    WHERE prioritized AND NOT b.is_full AND q.account_id = t.account_id AND q.lease_token IS NULL
                      AND q.priority < 0 AND q.priority <= t.priority AND (q.priority < t.priority OR q.id > t.last_id)
                      AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                    ORDER BY q.priority DESC, q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) l
                UNION ALL
                -- no limit counts for test runs
                SELECT n.* FROM (
                    SELECT q.* FROM automations.queue q
                    WHERE b.is_full AND q.account_id = t.account_id AND q.test_mode AND q.lease_token IS NULL
                      AND q.id > t.last_id AND q.id <> ALL (passed)
                    ORDER BY q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) n
                LIMIT share * t.weight
            ) r
            LIMIT room
        ) r;

        -- up to where each has been looked at, also those that gave nothing, unless it was never their turn
        SELECT placed || array_agg(g.account_id), placed_at || array_agg(least(g.place, latest))
        INTO placed, placed_at
        FROM (
            SELECT a.account_id, CASE
                    WHEN l.given >= share * a.weight OR l.given > 0 AND cardinality(turn_ids) = room
                        THEN CASE WHEN l.priority = 0 THEN l.id WHEN l.priority < 0 THEN latest END
                    WHEN cardinality(turn_ids) = room THEN NULL
                    ELSE latest END AS place
            FROM unnest(accounts, weights) AS a (account_id, weight) LEFT JOIN (
                SELECT u.a AS account_id, count(*) AS given, (array_agg(u.p ORDER BY u.place DESC))[1] AS priority,
                       (array_agg(u.i ORDER BY u.place DESC))[1] AS id
                FROM unnest(turn_accounts, turn_ids, turn_priorities) WITH ORDINALITY AS u (a, i, p, place)
                GROUP BY u.a) l ON l.account_id = a.account_id
        ) g
        WHERE g.place IS NOT NULL;
        EXIT WHEN turn_ids IS NULL;

        IF limited THEN
            at := 0;
            FOR t IN SELECT w.* FROM automations.within_limits(turn_accounts, turn_ids, taken) w LOOP
                at := at + 1;
                IF t.fits THEN
                    taken := taken || t.id;
                    account_id := t.account_id;
                    id := t.id;
                    counted := t.counted;
                    automation_id := turn_automations[at];
                    lead_id := turn_leads[at];
                    conversation_id := turn_conversations[at];
                    depth := turn_depths[at];
                    odd := turn_odd[at];
                    RETURN NEXT;
                ELSE
                    full_ones := full_ones || t.full_one;
                    unplaced := unplaced || t.account_id;
                    busy := busy OR t.busy;
                END IF;
            END LOOP;
        ELSE
            taken := taken || turn_ids;
            RETURN QUERY
            SELECT u.*, NULL::uuid
            FROM unnest(turn_accounts, turn_ids, array_fill(false, ARRAY[cardinality(turn_ids)]), turn_automations,
                        turn_leads, turn_conversations, turn_depths, turn_odd) u;
        END IF;

        -- an account that gave less than its share is done
        SELECT array_agg(g.account_id), array_agg(g.weight), array_agg(g.priority), array_agg(g.last_id),
               array_agg(g.begin)
        INTO accounts, weights, priorities, last_ids, begins
        FROM (
            SELECT u.a AS account_id, w.weight, w.begin, (array_agg(u.p ORDER BY u.place DESC))[1] AS priority,
                   (array_agg(u.i ORDER BY u.place DESC))[1] AS last_id
            FROM unnest(turn_accounts, turn_ids, turn_priorities) WITH ORDINALITY AS u (a, i, p, place)
            JOIN unnest(accounts, weights, begins) AS w (account_id, weight, begin) ON w.account_id = u.a
            GROUP BY u.a, w.weight, w.begin
            HAVING count(*) >= share * w.weight
        ) g;
    END LOOP;
    RETURN QUERY
    SELECT DISTINCT ON (p.a) p.a, NULL::uuid, NULL::boolean, NULL::uuid, NULL::uuid, NULL::uuid, NULL::smallint,
           NULL::boolean, p.place
    FROM unnest(placed, placed_at) WITH ORDINALITY AS p (a, place, n)
    WHERE known IS NOT NULL AND p.a <> ALL (unplaced)
    ORDER BY p.a, p.n DESC;
    IF busy THEN
        account_id := NULL;
        id := NULL;
        counted := NULL;
        automation_id := NULL;
        lead_id := NULL;
        conversation_id := NULL;
        depth := NULL;
        odd := NULL;
        RETURN NEXT;
    END IF;
END
$$;
