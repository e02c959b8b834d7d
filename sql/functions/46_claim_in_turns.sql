-- What claim() does where more than one account waits, or where anything is not as usual. Fair across accounts (queue_turn),
-- those in `but_not` left out. Most of what is claimed is a captured change that nobody has touched yet: it is claimed as it
-- stands if nobody holds what it refers to. Where anything else is among them each is looked at by itself (inspect): what
-- refers to a row that somebody has locked stays for later, a vanished lead or conversation becomes null, a vanished
-- automation or execution drops the queue row. One that a daemon has already died with is claimed alone, so that it cannot
-- take innocents with it. What can only fail (trigger data too large, a chain of automations too deep) fails here and is not
-- returned. What is about a record that matters is decided here too (admit): it may be folded into another change or dropped.
-- It looks on until it has something to return or nothing is left to look at: whoever gets nothing sleeps. Only so
-- long, because what it has locked meanwhile nobody else can claim; if it got on but not to the end, it wakes the
-- daemons instead.
CREATE FUNCTION automations.claim_in_turns(
    token uuid, batch integer, lease_ms bigint, but_not uuid[] DEFAULT '{}', known uuid[] DEFAULT NULL,
    places uuid[] DEFAULT '{}')
RETURNS TABLE (
    id uuid, account_id uuid, automation_id uuid, version integer, trigger_type text, trigger_data text,
    lead_id uuid, conversation_id uuid, caused_by uuid, depth smallint, test_mode boolean, started_at timestamptz,
    attempt integer, crashes smallint, has_steps boolean, age_ms bigint, look_in_ms bigint, has_execution boolean,
    place uuid
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- rows are looked up by their keys, one by one: a bitmap for each of them costs twice as much
SET enable_bitmapscan = off
-- claim() goes without: plans of these would read all of the queue to have it in order (seen)
SET enable_sort = on
-- the plans do not depend on what is asked for, and to make them anew at each call took more time than to run them
SET plan_cache_mode = force_generic_plan
-- to make a sequential scan expensive makes some plans look worth compiling, which none of them is
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    enough constant timestamptz := clock_timestamp() + interval '500 milliseconds';
    is_paused boolean;
    depth_limit integer;
    accounts uuid[];
    ids uuid[];
    automation_ids uuid[];
    lead_ids uuid[];
    conversation_ids uuid[];
    deepest smallint;
    is_odd boolean;
    is_busy boolean;
    is_all boolean;
    is_untouched boolean;
    claimed_accounts uuid[];
    claimed uuid[];
    gone uuid[];
    failed_accounts uuid[];
    failed uuid[];
    failures jsonb;
    counted uuid[];
    put_off uuid[] := '{}';
    about_records boolean;
    has_kept boolean;
    is_alone boolean;
    -- it has decided something that somebody may have seen
    is_final boolean := false;
    -- where accounts have now been looked at up to
    placed uuid[];
    placed_at uuid[];
    look_again bigint;
    has_more boolean := false;
    got_on boolean := false;
    r record;
BEGIN
    SELECT bool_or(s.name = 'paused' AND s.value = 'true'),
           coalesce(max(CASE WHEN s.name = 'depth_limit' THEN (s.value #>> '{}')::integer END), 8)
    INTO is_paused, depth_limit
    FROM automations.settings s WHERE s.name IN ('paused', 'depth_limit');
    IF batch < 1 OR is_paused OR automations.is_copy() THEN
        RETURN;
    END IF;
    LOOP
        SELECT t.* INTO accounts, ids, counted, automation_ids, lead_ids, conversation_ids, is_odd, deepest, placed,
                        placed_at, is_busy, is_all
        FROM automations.queue_turn(batch, put_off, but_not, known, places) t;
        IF is_busy THEN
            look_again := least(look_again, 20);
        END IF;
        EXIT WHEN ids IS NULL;

        is_untouched := NOT is_odd AND deepest <= depth_limit AND automations.all_held(automation_ids, lead_ids, conversation_ids);
        IF is_untouched AND counted = '{}' THEN
            -- as below in fewer statements: none of them has a row, steps or a limit
            INSERT INTO automations.claims AS c (token, accounts, ids) VALUES (claim_in_turns.token, accounts, ids)
            ON CONFLICT ON CONSTRAINT claims_pkey DO UPDATE
               SET accounts = c.accounts || excluded.accounts, ids = c.ids || excluded.ids;
            RETURN QUERY
            WITH leased AS (
                UPDATE automations.queue q
                SET lease_token = token, lease_until = clock_timestamp() + lease_ms * interval '1 millisecond',
                    attempt = q.attempt + 1
                FROM unnest(accounts, ids) AS p (account_id, id)
                WHERE q.account_id = p.account_id AND q.id = p.id
                RETURNING q.*
            )
            SELECT l.id, l.account_id, l.automation_id, l.version, l.trigger_type, l.trigger_data::text, l.lead_id,
                   l.conversation_id, l.caused_by, l.depth, l.test_mode, l.occurred_at, l.attempt, l.crashes, false,
                   automations.age_in_ms(l.occurred_at), NULL::bigint, false, NULL::uuid
            FROM leased l
            ORDER BY l.id;
            has_more := NOT is_all;
            EXIT;
        END IF;
        gone := '{}';
        failed_accounts := '{}';
        failed := '{}';
        failures := '[]';
        IF is_untouched THEN
            claimed_accounts := accounts;
            claimed := ids;
        ELSE
            claimed_accounts := '{}';
            claimed := '{}';
            WITH turn AS (
                SELECT q.account_id, q.id, q.crashes > 0 AS crashed, q.record IS NOT NULL AS about_record,
                       q.steps IS NOT NULL AS kept
                FROM unnest(accounts, ids) AS p (account_id, id)
                JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
            ), alone AS (
                SELECT t.account_id, t.id, t.kept FROM turn t WHERE t.crashed ORDER BY t.id LIMIT 1
            ), these AS (
                SELECT a.account_id, a.id, false AS about_record, a.kept, true AS alone FROM alone a
                UNION ALL
                SELECT t.account_id, t.id, t.about_record, t.kept, false FROM turn t WHERE NOT EXISTS (SELECT FROM alone)
            )
            SELECT array_agg(t.account_id), array_agg(t.id), bool_or(t.about_record), bool_or(t.alone), bool_or(t.kept)
            INTO accounts, ids, about_records, is_alone, has_kept FROM these t;
            IF is_alone THEN
                -- what it left behind lies in front of these places
                placed := NULL;
                placed_at := NULL;
            END IF;

            FOR r IN SELECT i.* FROM automations.inspect(accounts, ids) i LOOP
                CASE r.verdict
                WHEN 'drop' THEN
                    DELETE FROM automations.queue q WHERE q.account_id = r.account_id AND q.id = r.id;
                    got_on := true;
                WHEN 'claim' THEN
                    claimed_accounts := claimed_accounts || r.account_id;
                    claimed := claimed || r.id;
                    gone := gone || array_remove(ARRAY[r.lead_gone, r.conversation_gone], NULL);
                    IF r.failure IS NOT NULL THEN
                        failed_accounts := failed_accounts || r.account_id;
                        failed := failed || r.id;
                        failures := failures || r.failure;
                    END IF;
                ELSE
                    put_off := put_off || r.id;
                END CASE;
            END LOOP;
            FOR r IN SELECT a.* FROM automations.admit(claimed_accounts, claimed) a WHERE about_records LOOP
                is_final := true;
                look_again := least(look_again, r.due_in_ms);
                CONTINUE WHEN r.verdict = 'go';
                claimed_accounts := claimed_accounts[:array_position(claimed, r.id) - 1]
                    || claimed_accounts[array_position(claimed, r.id) + 1:];
                claimed := array_remove(claimed, r.id);
                IF r.id = ANY (failed) THEN
                    failures := failures - (array_position(failed, r.id) - 1);
                    failed_accounts := failed_accounts[:array_position(failed, r.id) - 1]
                        || failed_accounts[array_position(failed, r.id) + 1:];
                    failed := array_remove(failed, r.id);
                END IF;
                IF r.verdict = 'gone' THEN
                    got_on := true;
                ELSE
                    put_off := put_off || r.id;
                END IF;
            END LOOP;
        END IF;
        FOR r IN
            -- a daemon was about to act with these: they go on from there
            SELECT q.account_id, q.id FROM unnest(claimed_accounts, claimed) AS p (account_id, id)
            JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
            WHERE has_kept AND q.steps IS NOT NULL AND q.id <> ALL (failed)
        LOOP
            BEGIN
                PERFORM automations.show_execution(r.account_id, r.id);
            EXCEPTION
                WHEN lock_not_available THEN
                    claimed_accounts := claimed_accounts[:array_position(claimed, r.id) - 1]
                        || claimed_accounts[array_position(claimed, r.id) + 1:];
                    claimed := array_remove(claimed, r.id);
                    put_off := put_off || r.id;
                WHEN OTHERS THEN
                    -- no row can be made of it (a trigger of the application refuses it): it begins again, under the same
                    -- keys, and whoever has it is told why; the others are not to wait for that
                    RAISE WARNING 'execution % does not go on from where it was: %', r.id, SQLERRM;
            END;
        END LOOP;
        IF claimed <> '{}' THEN
            PERFORM automations.lease(claimed_accounts, claimed, gone, counted, token, lease_ms);
        END IF;

        RETURN QUERY
        SELECT q.id, q.account_id, q.automation_id, q.version, q.trigger_type,
               CASE WHEN q.has_execution THEN e.trigger_data ELSE q.trigger_data END::text, q.lead_id,
               q.conversation_id, q.caused_by, q.depth, q.test_mode, o.started_at, q.attempt, q.crashes,
               -- not EXISTS: that may be hashed, and then each claim reads every step that there is (seen)
               q.has_execution
                   AND (SELECT true FROM automations.steps s WHERE s.execution_id = q.id LIMIT 1) IS NOT NULL,
               automations.age_in_ms(o.started_at), NULL::bigint, q.has_execution, NULL::uuid
        FROM unnest(claimed_accounts, claimed) AS p (account_id, id)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
        -- looked for only where there is one: the offset keeps the condition inside
        LEFT JOIN LATERAL (
            SELECT x.trigger_data, x.started_at FROM public.automation_executions x
            WHERE q.has_execution AND x.id = p.id OFFSET 0) e ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN q.has_execution THEN e.started_at ELSE q.occurred_at END AS started_at) o
        WHERE q.id <> ALL (failed)
        ORDER BY q.id;

        IF failed <> '{}' THEN
            PERFORM automations.finish(
                failed_accounts, failed, array_fill(token, ARRAY[cardinality(failed)]), failures);
            PERFORM automations.announce((
                SELECT jsonb_agg(jsonb_build_object('id', e.id, 'automation_id', e.automation_id, 'status', e.status))
                FROM public.automation_executions e WHERE e.id = ANY (failed)));
            got_on := true;
            is_final := true;
        END IF;
        IF cardinality(claimed) > cardinality(failed) THEN
            has_more := true;
            EXIT;
        END IF;
        IF clock_timestamp() > enough THEN
            IF got_on THEN
                PERFORM automations.wake();
            END IF;
            EXIT;
        END IF;
    END LOOP;
    IF NOT is_final THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    id := NULL;
    FOR account_id, place IN SELECT u.* FROM unnest(placed, placed_at) u LOOP
        RETURN NEXT;
    END LOOP;
    account_id := NULL;
    place := NULL;
    FOREACH look_in_ms IN ARRAY array_remove(ARRAY[look_again, CASE WHEN has_more THEN 0 END], NULL) LOOP
        RETURN NEXT;
    END LOOP;
END
$$;
