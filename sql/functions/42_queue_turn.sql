-- The next executions in fair order, their queue rows locked: accounts take turns by weight, so that one account's
-- hundred thousand pending executions do not delay another account's one. Each gives its share, higher priority first
-- and then older first; what some do not use goes to those that have more. Locked rows are passed over, and so are those
-- in `passed`, which the caller has put off already; those of an automation that is not active, or that has as many in
-- flight as it may, stay where they are. counted: what it claims is limited (automations.in_flight). Accounts in `but_not`
-- have no turn.
-- A row of nulls at the end: somebody else decides about a limit at the moment, so there may be more in a moment.
CREATE FUNCTION automations.queue_turn(batch integer, passed uuid[] DEFAULT '{}', but_not uuid[] DEFAULT '{}')
RETURNS TABLE (account_id uuid, id uuid, counted boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while the queue was empty would read the whole queue later
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    nothing constant uuid := '00000000-0000-0000-0000-000000000000';
    accounts uuid[];
    weights integer[];
    -- where each account goes on: behind the row of this priority and id
    priorities integer[];
    last_ids uuid[];
    limited boolean;
    prioritized boolean := EXISTS (SELECT FROM automations.queue q WHERE q.priority <> 0);
    -- accounts and automations that have as many in flight as they may
    full_ones uuid[] := '{}';
    turn_accounts uuid[];
    turn_ids uuid[];
    turn_priorities integer[];
    taken uuid[] := '{}';
    share integer;
    busy boolean := false;
    t record;
BEGIN
    SELECT array_agg(w.account_id), array_agg(w.weight), array_agg(32767), array_agg(nothing),
           bool_or(w.max_in_flight IS NOT NULL) OR EXISTS (SELECT FROM automations.limits)
    INTO accounts, weights, priorities, last_ids, limited
    FROM automations.waiting_accounts(greatest(64, batch), but_not) w;
    IF limited THEN
        full_ones := ARRAY(SELECT f FROM automations.full_limits(accounts) f);
    END IF;

    WHILE cardinality(taken) < batch AND cardinality(accounts) > 0 LOOP
        share := greatest(1, (batch - cardinality(taken)) / (SELECT sum(w) FROM unnest(weights) w)::integer);
        WITH turn AS MATERIALIZED (
            SELECT t.account_id, r.id, r.priority
            FROM unnest(accounts, weights, priorities, last_ids) AS t (account_id, weight, priority, last_id)
            -- not a join for each row: a paused automation may have a hundred thousand, read again by every claim
            CROSS JOIN LATERAL (
                SELECT ARRAY(SELECT a.id FROM public.automations a WHERE a.user_id = t.account_id
                    AND NOT (a.enabled AND a.status = 'active')) || full_ones AS blocked,
                    t.account_id = ANY (full_ones) AS is_full
            ) b
            CROSS JOIN LATERAL (
                SELECT h.* FROM (
                    SELECT q.id, q.priority FROM automations.queue q
                    WHERE prioritized AND NOT b.is_full AND q.account_id = t.account_id AND q.lease_token IS NULL
                      AND q.priority > 0 AND q.priority <= t.priority AND (q.priority < t.priority OR q.id > t.last_id)
                      AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                    ORDER BY q.priority DESC, q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) h
                UNION ALL
                SELECT p.* FROM (
                    SELECT q.id, q.priority FROM automations.queue q
                    WHERE NOT b.is_full AND t.priority >= 0 AND q.account_id = t.account_id AND q.lease_token IS NULL
                      AND q.priority = 0 AND q.id > CASE WHEN t.priority = 0 THEN t.last_id ELSE nothing END
                      AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                    ORDER BY q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) p
                UNION ALL
                SELECT l.* FROM (
                    SELECT q.id, q.priority FROM automations.queue q
                    WHERE prioritized AND NOT b.is_full AND q.account_id = t.account_id AND q.lease_token IS NULL
                      AND q.priority < 0 AND q.priority <= t.priority AND (q.priority < t.priority OR q.id > t.last_id)
                      AND (q.automation_id <> ALL (b.blocked) OR q.test_mode) AND q.id <> ALL (passed)
                    ORDER BY q.priority DESC, q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) l
                UNION ALL
                -- no limit counts for test runs
                SELECT n.* FROM (
                    SELECT q.id, q.priority FROM automations.queue q
                    WHERE b.is_full AND q.account_id = t.account_id AND q.test_mode AND q.lease_token IS NULL
                      AND q.id > t.last_id AND q.id <> ALL (passed)
                    ORDER BY q.id LIMIT share * t.weight FOR UPDATE SKIP LOCKED) n
                LIMIT share * t.weight
            ) r
            LIMIT batch - cardinality(taken)
        )
        SELECT array_agg(t.account_id), array_agg(t.id), array_agg(t.priority)
        INTO turn_accounts, turn_ids, turn_priorities FROM turn t;
        EXIT WHEN turn_ids IS NULL;

        IF limited THEN
            FOR t IN SELECT w.* FROM automations.within_limits(turn_accounts, turn_ids, taken) w LOOP
                IF t.fits THEN
                    taken := taken || t.id;
                    account_id := t.account_id;
                    id := t.id;
                    counted := t.counted;
                    RETURN NEXT;
                ELSE
                    full_ones := full_ones || t.full_one;
                    busy := busy OR t.busy;
                END IF;
            END LOOP;
        ELSE
            taken := taken || turn_ids;
            RETURN QUERY SELECT u.a, u.i, false FROM unnest(turn_accounts, turn_ids) AS u (a, i);
        END IF;

        -- an account that gave less than its share is done
        SELECT array_agg(g.account_id), array_agg(g.weight), array_agg(g.priority), array_agg(g.last_id)
        INTO accounts, weights, priorities, last_ids
        FROM (
            SELECT u.a AS account_id, w.weight, (array_agg(u.p ORDER BY u.place DESC))[1] AS priority,
                   (array_agg(u.i ORDER BY u.place DESC))[1] AS last_id
            FROM unnest(turn_accounts, turn_ids, turn_priorities) WITH ORDINALITY AS u (a, i, p, place)
            JOIN unnest(accounts, weights) AS w (account_id, weight) ON w.account_id = u.a
            GROUP BY u.a, w.weight
            HAVING count(*) >= share * w.weight
        ) g;
    END LOOP;
    IF busy THEN
        account_id := NULL;
        id := NULL;
        counted := NULL;
        RETURN NEXT;
    END IF;
END
$$;
