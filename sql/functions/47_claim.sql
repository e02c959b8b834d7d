-- Claims up to `batch` executions for one daemon, under a token that every later write has to carry, for lease_ms
-- milliseconds. Fair across accounts (queue_turn), those in `but_not` left out. What refers to a row that somebody has locked stays for later,
-- a vanished lead or conversation becomes null, a vanished automation or execution drops the queue row (inspect).
-- One that a daemon has already died with is claimed alone, so that it cannot take innocents with it. What can only
-- fail (trigger data too large, a chain of automations too deep) fails here and is not returned.
-- What is about a record that matters is decided here too (admit): it may be folded into another change or dropped.
-- The last row may be one of nulls but for look_in_ms: something will be due then that nobody else wakes for.
-- It looks on until it has something to return or nothing is left to look at: whoever gets nothing sleeps. Only so
-- long, because what it has locked meanwhile nobody else can claim; if it got on but not to the end, it wakes the
-- daemons instead.
CREATE FUNCTION automations.claim(token uuid, batch integer, lease_ms bigint, but_not uuid[] DEFAULT '{}')
RETURNS TABLE (
    id uuid, account_id uuid, automation_id uuid, version integer, trigger_type text, trigger_data text,
    lead_id uuid, conversation_id uuid, caused_by uuid, depth smallint, test_mode boolean, started_at timestamptz,
    attempt integer, crashes smallint, has_steps boolean, age_ms bigint, look_in_ms bigint, has_execution boolean
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    enough constant timestamptz := clock_timestamp() + interval '500 milliseconds';
    accounts uuid[];
    ids uuid[];
    claimed_accounts uuid[];
    claimed uuid[];
    gone uuid[];
    failed_accounts uuid[];
    failed uuid[];
    failures jsonb;
    counted uuid[];
    put_off uuid[] := '{}';
    about_records boolean;
    look_again bigint;
    got_on boolean := false;
    r record;
BEGIN
    IF batch < 1 OR automations.is_copy() OR EXISTS (
        SELECT FROM automations.settings s WHERE s.name = 'paused' AND s.value = 'true') THEN
        RETURN;
    END IF;
    LOOP
        SELECT array_agg(t.account_id) FILTER (WHERE t.id IS NOT NULL), array_agg(t.id) FILTER (WHERE t.id IS NOT NULL),
               coalesce(array_agg(t.id) FILTER (WHERE t.counted), '{}'),
               least(look_again, CASE WHEN bool_or(t.id IS NULL) THEN 20 END)
        INTO accounts, ids, counted, look_again
        FROM automations.queue_turn(batch, put_off, but_not) t;
        EXIT WHEN ids IS NULL;

        WITH turn AS (
            SELECT q.account_id, q.id, q.crashes > 0 AS crashed, q.record IS NOT NULL AS about_record
            FROM unnest(accounts, ids) AS p (account_id, id)
            JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
        ), alone AS (
            SELECT t.account_id, t.id FROM turn t WHERE t.crashed ORDER BY t.id LIMIT 1
        ), these AS (
            SELECT a.account_id, a.id, false AS about_record FROM alone a
            UNION ALL
            SELECT t.account_id, t.id, t.about_record FROM turn t WHERE NOT EXISTS (SELECT FROM alone)
        )
        SELECT array_agg(t.account_id), array_agg(t.id), bool_or(t.about_record)
        INTO accounts, ids, about_records FROM these t;

        claimed_accounts := '{}';
        claimed := '{}';
        gone := '{}';
        failed_accounts := '{}';
        failed := '{}';
        failures := '[]';
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
               -- since it occurred, by this clock: a daemon's is never compared with it
               CASE WHEN isfinite(o.started_at)
                   THEN greatest(extract(epoch FROM clock_timestamp() - o.started_at) * 1000, 0)::bigint
                   ELSE 0 END,
               NULL::bigint, q.has_execution
        FROM unnest(claimed_accounts, claimed) AS p (account_id, id)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
        LEFT JOIN public.automation_executions e ON q.has_execution AND e.id = p.id
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
        END IF;
        EXIT WHEN cardinality(claimed) > cardinality(failed);
        IF clock_timestamp() > enough THEN
            IF got_on THEN
                PERFORM automations.wake();
            END IF;
            EXIT;
        END IF;
    END LOOP;
    IF look_again IS NOT NULL THEN
        id := NULL;
        look_in_ms := look_again;
        RETURN NEXT;
    END IF;
END
$$;
