-- The next executions in fair order, their queue rows locked: accounts take turns by weight, so that one account's
-- hundred thousand pending executions do not delay another account's one. Each gives its share, higher priority first
-- and then older first; what some do not use goes to those that have more. Locked rows are passed over, and so are those
-- in `passed`, which the caller has put off already; those of an automation that is not active, or that has as many in
-- flight as it may, stay where they are. Accounts in `but_not` have no turn. One row of lists, which are null where there
-- is nothing: ids[i] is account_ids[i]'s; `counted` are those that a limit is about (automations.in_flight); the others
-- name once what they refer to. is_odd: some of them are more than captured changes that nobody has touched yet; deepest:
-- the longest chain that caused one of them. is_busy: somebody else decides about a limit at the moment, so there may be
-- more in a moment. is_all: every account was looked at. To set a statement up costs more here than to run it, so what is
-- asked about one account alone is worked out without one.
--
-- Places. What is in flight, what may not run and, until a vacuum may take them, what has ended lie in front of what
-- is next, and once there are many of them it costs more than everything else to read past them; while anybody's
-- transaction is open a vacuum takes nothing. So a caller who has looked at an account from its beginning may tell the
-- next call where it got to: in `known[i]` only what lies behind `places[i]` is looked at. Unless `known` is null, `placed`
-- and `placed_at` say up to where accounts have now been looked at: to the last row that one gave, where it may have more,
-- else to the end. Never nearer to the present than a quarter of a second, because ids are as
-- old as the insert, and its transaction may commit later than others that began after it.
-- A place is a memory and not a fact. What comes to lie before one (the insert of a transaction that was open for long;
-- an execution that was handed back, rescued or woken; one that was put off; all of an automation that is active again)
-- is found by the next look from the beginning, and the caller sees to it that there is one in time
-- (daemon/src/worker/places.rs). Callers may have different places: a row goes to whoever locks it. What waits for room
-- lies in front of others too: no place is said for an account where a row found no room, and none is used where a limit
-- of an automation has room. What has a priority is found by an index of its own, always from the beginning.
CREATE FUNCTION automations.queue_turn(
    batch integer, passed uuid[] DEFAULT '{}', but_not uuid[] DEFAULT '{}', known uuid[] DEFAULT NULL,
    places uuid[] DEFAULT '{}',
    OUT account_ids uuid[], OUT ids uuid[], OUT counted uuid[], OUT automation_ids uuid[], OUT lead_ids uuid[],
    OUT conversation_ids uuid[], OUT is_odd boolean, OUT deepest smallint, OUT placed uuid[], OUT placed_at uuid[],
    OUT is_busy boolean, OUT is_all boolean)
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
DECLARE
    nothing constant uuid := '00000000-0000-0000-0000-000000000000';
    latest constant uuid := automations.uuid_at(clock_timestamp() - interval '250 milliseconds');
    most constant integer := greatest(64, batch);
    -- of each account that may have more: where it began, and where it goes on: behind the row of this priority and id
    accounts uuid[];
    weights integer[];
    begins uuid[];
    priorities integer[];
    last_ids uuid[];
    limited boolean;
    prioritized boolean;
    lone uuid;
    is_alone boolean;
    -- accounts and automations that have as many in flight as they may
    full_ones uuid[] := '{}';
    turn_accounts uuid[];
    turn_ids uuid[];
    turn_priorities integer[];
    turn_automations uuid[];
    turn_leads uuid[];
    turn_conversations uuid[];
    turn_depth smallint;
    turn_is_odd boolean;
    fit_accounts uuid[];
    fit_ids uuid[];
    share integer;
    room integer;
    given integer;
    place uuid;
    unplaced uuid[] := '{}';
BEGIN
    counted := '{}';
    is_odd := false;
    is_busy := false;
    IF coalesce(cardinality(known), 0) <= 1 AND but_not = '{}' THEN
        -- One account alone, of which nothing is to be decided, as it is nearly always where little waits: what follows comes
        -- down to two statements. What is evaluated between statements is set up anew in each transaction, and took longer
        -- than they do.
        SELECT k.id, k.id IS NOT NULL
            AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.account_id > k.id)
            AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.account_id < k.id)
            AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.priority <> 0)
            AND NOT EXISTS (SELECT FROM automations.limits)
            AND NOT EXISTS (SELECT FROM public.automation_accounts a WHERE a.account_id = k.id)
        INTO lone, is_alone
        FROM (SELECT coalesce(known[1], (SELECT q.account_id FROM automations.queue q ORDER BY q.account_id LIMIT 1))) AS k (id);
        IF is_alone THEN
            SELECT array_agg(r.account_id), array_agg(r.id), array_agg(DISTINCT r.automation_id),
                   coalesce(array_agg(DISTINCT r.lead_id) FILTER (WHERE r.lead_id IS NOT NULL), '{}'),
                   coalesce(array_agg(DISTINCT r.conversation_id) FILTER (WHERE r.conversation_id IS NOT NULL), '{}'),
                   max(r.depth), coalesce(bool_or(r.odd), false), CASE WHEN known IS NOT NULL THEN ARRAY[lone] END,
                   CASE WHEN known IS NOT NULL THEN
                       ARRAY[CASE WHEN count(*) < batch THEN latest ELSE least((array_agg(r.id ORDER BY r.id))[batch], latest) END] END,
                   most > 1
            INTO account_ids, ids, automation_ids, lead_ids, conversation_ids, deepest, is_odd, placed, placed_at, is_all
            FROM (
                SELECT q.account_id, q.id, q.automation_id, q.lead_id, q.conversation_id, q.depth,
                       automations.is_odd(q.has_execution, q.crashes, q.record, q.steps, q.trigger_data) AS odd
                FROM automations.queue q
                WHERE q.account_id = lone AND q.lease_token IS NULL AND q.priority = 0
                  AND q.id > coalesce(places[1], nothing)
                  AND (q.test_mode OR q.automation_id <> ALL (ARRAY(SELECT a.id FROM public.automations a
                        WHERE a.user_id = lone AND NOT (a.enabled AND a.status = 'active'))))
                  AND q.id <> ALL (passed)
                ORDER BY q.id LIMIT batch FOR UPDATE OF q SKIP LOCKED
            ) r;
            RETURN;
        END IF;
    END IF;
    prioritized := EXISTS (SELECT FROM automations.queue q WHERE q.priority <> 0);
    IF known <> '{}' AND EXISTS (SELECT FROM automations.limits l WHERE l.account_id = ANY (known)) THEN
        full_ones := ARRAY(SELECT f FROM automations.full_limits(known) f);
        places := ARRAY(
            SELECT CASE WHEN EXISTS (SELECT FROM automations.limits l
                            WHERE l.account_id = k.account_id AND l.automation_id <> ALL (full_ones))
                        THEN nothing ELSE k.place END
            FROM unnest(known, places) WITH ORDINALITY AS k (account_id, place, n) ORDER BY k.n);
    END IF;
    SELECT w.account_ids, w.weights, w.begins, w.is_limited INTO accounts, weights, begins, limited
    FROM automations.waiting_accounts(most, but_not, coalesce(known, '{}'), places) w;
    is_all := cardinality(accounts) < most;
    limited := limited OR EXISTS (SELECT FROM automations.limits);
    IF limited THEN
        full_ones := ARRAY(SELECT f FROM automations.full_limits(accounts) f);
        unplaced := ARRAY(SELECT a FROM unnest(accounts) a WHERE a = ANY (full_ones));
    END IF;
    priorities := array_fill(32767, ARRAY[cardinality(accounts)]);
    last_ids := array_fill(nothing, ARRAY[cardinality(accounts)]);

    WHILE coalesce(cardinality(ids), 0) < batch AND cardinality(accounts) > 0 LOOP
        room := batch - coalesce(cardinality(ids), 0);
        share := greatest(1, room / (SELECT sum(w) FROM unnest(weights) w)::integer);
        IF prioritized OR full_ones <> '{}' THEN
            SELECT array_agg(r.account_id), array_agg(r.id), array_agg(r.priority), array_agg(r.automation_id),
                   array_agg(r.lead_id), array_agg(r.conversation_id), max(r.depth),
                   bool_or(automations.is_odd(r.has_execution, r.crashes, r.record, r.steps, r.trigger_data))
            INTO turn_accounts, turn_ids, turn_priorities, turn_automations, turn_leads, turn_conversations, turn_depth,
                 turn_is_odd
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
        ELSE
            -- the same where nothing has a priority and everybody has room: to set up the branches above costs more than to
            -- run this
            SELECT array_agg(r.account_id), array_agg(r.id), array_agg(r.automation_id), array_agg(r.lead_id),
                   array_agg(r.conversation_id), max(r.depth), bool_or(r.odd)
            INTO turn_accounts, turn_ids, turn_automations, turn_leads, turn_conversations, turn_depth, turn_is_odd
            FROM (
                SELECT r.*
                FROM unnest(accounts, weights, priorities, last_ids, begins)
                    AS t (account_id, weight, priority, last_id, begin)
                CROSS JOIN LATERAL (
                    SELECT q.account_id, q.id, q.automation_id, q.lead_id, q.conversation_id, q.depth,
                           automations.is_odd(q.has_execution, q.crashes, q.record, q.steps, q.trigger_data) AS odd
                    FROM automations.queue q
                    WHERE q.account_id = t.account_id AND q.lease_token IS NULL AND q.priority = 0
                      AND q.id > CASE WHEN t.priority = 0 THEN t.last_id ELSE t.begin END
                      -- read once for each account, as above
                      AND (q.test_mode OR q.automation_id <> ALL (ARRAY(SELECT a.id FROM public.automations a
                            WHERE a.user_id = t.account_id AND NOT (a.enabled AND a.status = 'active'))))
                      AND q.id <> ALL (passed)
                    ORDER BY q.id LIMIT share * t.weight FOR UPDATE OF q SKIP LOCKED
                ) r
                LIMIT room
            ) r;
            turn_priorities := array_fill(0, ARRAY[coalesce(cardinality(turn_ids), 0)]);
        END IF;

        -- up to where each has been looked at, also those that gave nothing, unless it was never their turn
        IF cardinality(accounts) = 1 THEN
            given := coalesce(cardinality(turn_ids), 0);
            place := CASE
                WHEN given >= share * weights[1] OR given > 0 AND given = room
                    THEN CASE WHEN turn_priorities[given] = 0 THEN turn_ids[given]
                              WHEN turn_priorities[given] < 0 THEN latest END
                WHEN given < room THEN latest END;
            IF place IS NOT NULL THEN
                placed := placed || accounts[1];
                placed_at := placed_at || least(place, latest);
            END IF;
        ELSE
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
        END IF;
        EXIT WHEN turn_ids IS NULL;

        is_odd := is_odd OR turn_is_odd;
        deepest := greatest(deepest, turn_depth);
        IF limited THEN
            SELECT array_agg(w.account_id) FILTER (WHERE w.fits), array_agg(w.id) FILTER (WHERE w.fits),
                   array_agg(turn_automations[w.n]) FILTER (WHERE w.fits),
                   array_agg(turn_leads[w.n]) FILTER (WHERE w.fits),
                   array_agg(turn_conversations[w.n]) FILTER (WHERE w.fits),
                   counted || coalesce(array_agg(w.id) FILTER (WHERE w.fits AND w.is_counted), '{}'),
                   full_ones || coalesce(array_agg(w.full_one) FILTER (WHERE NOT w.fits), '{}'),
                   unplaced || coalesce(array_agg(w.account_id) FILTER (WHERE NOT w.fits), '{}'),
                   is_busy OR coalesce(bool_or(w.busy) FILTER (WHERE NOT w.fits), false)
            INTO fit_accounts, fit_ids, turn_automations, turn_leads, turn_conversations, counted, full_ones, unplaced,
                 is_busy
            FROM automations.within_limits(turn_accounts, turn_ids, coalesce(ids, '{}')) WITH ORDINALITY
              AS w (account_id, id, fits, is_counted, full_one, busy, n);
        ELSE
            fit_accounts := turn_accounts;
            fit_ids := turn_ids;
        END IF;
        ids := ids || fit_ids;
        account_ids := account_ids || fit_accounts;
        automation_ids := automation_ids || turn_automations;
        lead_ids := lead_ids || turn_leads;
        conversation_ids := conversation_ids || turn_conversations;

        -- an account that gave less than its share is done
        IF cardinality(accounts) = 1 THEN
            EXIT WHEN given < share * weights[1];
            priorities := turn_priorities[given:given];
            last_ids := turn_ids[given:given];
        ELSE
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
        END IF;
    END LOOP;

    IF cardinality(ids) > 1 THEN
        automation_ids := ARRAY(SELECT DISTINCT a FROM unnest(automation_ids) a);
        lead_ids := ARRAY(SELECT DISTINCT l FROM unnest(lead_ids) l);
        conversation_ids := ARRAY(SELECT DISTINCT c FROM unnest(conversation_ids) c);
    END IF;
    lead_ids := coalesce(array_remove(lead_ids, NULL), '{}');
    conversation_ids := coalesce(array_remove(conversation_ids, NULL), '{}');
    IF known IS NULL THEN
        placed := NULL;
        placed_at := NULL;
    ELSIF cardinality(placed) > 1 OR unplaced <> '{}' THEN
        SELECT array_agg(l.account_id), array_agg(l.place) INTO placed, placed_at
        FROM (
            SELECT DISTINCT ON (p.account_id) p.account_id, p.place
            FROM unnest(placed, placed_at) WITH ORDINALITY AS p (account_id, place, n)
            WHERE p.account_id <> ALL (unplaced)
            ORDER BY p.account_id, p.n DESC
        ) l;
    END IF;
END
$$;
