-- Decides in queue order what becomes of queue rows whose automation asks which record changed (re_entry and
-- debounce_seconds of the version that the row names), just before they would become executions: 'go'; 'gone' (folded
-- into a debounced change, or dropped because of re_entry); 'later' (another claim has to do with the same record, or
-- something in front of it has). due_in_ms: when somebody should look again.
-- All that waits for one record is decided at once, under locks on all of its rows, so that no two claims decide about
-- the same record: who sees a row that he cannot lock leaves the record alone.
CREATE FUNCTION automations.admit(accounts uuid[], ids uuid[])
RETURNS TABLE (account_id uuid, id uuid, verdict text, due_in_ms bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    -- decided at once; with more of one record the rest is decided later
    most constant integer := 1000;
    g record;
    r record;
    d automations.debounced;
    e record;
    waiting uuid[];
    mine uuid[];
    went uuid[];
    gone uuid[];
    -- those of them that are still in the queue
    leaving uuid[];
    is_held boolean;
    has_entered boolean;
    has_ended boolean;
BEGIN
    FOR g IN
        SELECT q.account_id, q.automation_id, q.record, array_agg(q.id ORDER BY q.id) AS turn
        FROM unnest(accounts, ids) AS p (account_id, id)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
        WHERE q.record IS NOT NULL
        GROUP BY q.account_id, q.automation_id, q.record
        ORDER BY q.account_id, q.automation_id, q.record
    LOOP
        went := '{}';
        gone := '{}';
        leaving := '{}';
        has_entered := false;
        has_ended := false;
        waiting := ARRAY(
            SELECT q.id FROM automations.queue q
            WHERE q.account_id = g.account_id AND q.automation_id = g.automation_id AND q.record = g.record
              AND q.lease_token IS NULL
            ORDER BY q.id LIMIT most);
        mine := ARRAY(
            SELECT q.id FROM automations.queue q
            WHERE q.account_id = g.account_id AND q.id = ANY (waiting) AND q.lease_token IS NULL
            ORDER BY q.id FOR UPDATE SKIP LOCKED);
        SELECT x.* INTO d FROM automations.debounced x
        WHERE x.account_id = g.account_id AND x.automation_id = g.automation_id AND x.record = g.record
        FOR UPDATE SKIP LOCKED;
        is_held := FOUND;
        IF mine <> waiting OR NOT is_held AND EXISTS (
            SELECT FROM automations.debounced x
            WHERE x.account_id = g.account_id AND x.automation_id = g.automation_id AND x.record = g.record) THEN
            RETURN QUERY SELECT g.account_id, u, 'later', 20::bigint FROM unnest(g.turn) u;
            CONTINUE;
        END IF;

        FOR r IN
            SELECT q.id, q.version, q.trigger_data, q.lead_id, q.conversation_id, q.caused_by, q.depth, q.priority,
                   q.occurred_at, q.quiet, s.re_entry, s.debounce
            FROM automations.queue q
            LEFT JOIN public.automation_versions v ON v.automation_id = q.automation_id AND v.version = q.version
            CROSS JOIN LATERAL automations.entry_rules(v.trigger_config) s
            WHERE q.account_id = g.account_id AND q.id = ANY (mine)
            ORDER BY q.id
        LOOP
            IF d.execution_id IS NOT NULL AND NOT r.quiet
                AND (r.debounce = interval '0' OR r.occurred_at >= d.due_at) THEN
                -- the record was quiet before this change, or is not debounced any more: what waited goes first
                DELETE FROM automations.queue q WHERE q.account_id = g.account_id AND q.id = ANY (leaving);
                leaving := '{}';
                DELETE FROM automations.debounced x WHERE x.execution_id = d.execution_id;
                INSERT INTO automations.debounced SELECT d.*;
                PERFORM automations.end_windows(ARRAY[d.execution_id]);
                d := NULL;
                has_ended := true;
            END IF;
            IF r.debounce > interval '0' AND NOT r.quiet THEN
                IF d.execution_id IS NULL THEN
                    d.account_id := g.account_id;
                    d.automation_id := g.automation_id;
                    d.record := g.record;
                    d.execution_id := r.id;
                    d.occurred_at := r.occurred_at;
                    d.due_at := '-infinity';
                    d.changed := '{}';
                    d.first_change := coalesce(r.trigger_data, '{}') - 'new' - 'changed';
                END IF;
                d.version := r.version;
                d.last_change := coalesce(r.trigger_data, '{}');
                d.changed := d.changed || ARRAY(
                    SELECT c FROM jsonb_array_elements_text(CASE jsonb_typeof(r.trigger_data -> 'changed')
                        WHEN 'array' THEN r.trigger_data -> 'changed' ELSE '[]' END) c
                    WHERE c <> ALL (d.changed));
                d.lead_id := r.lead_id;
                d.conversation_id := r.conversation_id;
                d.caused_by := r.caused_by;
                d.depth := r.depth;
                d.priority := r.priority;
                d.due_at := greatest(d.due_at, r.occurred_at + r.debounce);
                gone := gone || r.id;
                leaving := leaving || r.id;
                CONTINUE;
            END IF;
            -- a window that ended just now has put something in front of it
            EXIT WHEN has_ended;
            IF r.re_entry = 'always' THEN
                went := went || r.id;
                CONTINUE;
            END IF;
            SELECT n.for_ever, EXISTS (
                SELECT FROM public.automation_executions x
                WHERE x.id = n.execution_id AND x.status IN ('pending', 'running', 'waiting'))
                -- claimed, and not to be seen yet
                OR EXISTS (SELECT FROM automations.queue x
                            WHERE x.account_id = g.account_id AND x.id = n.execution_id) AS runs
            INTO e
            FROM automations.entered n WHERE n.automation_id = g.automation_id AND n.record = g.record;
            IF has_entered OR e.runs OR e.for_ever AND r.re_entry = 'never' THEN
                gone := gone || r.id;
                leaving := leaving || r.id;
            ELSIF r.id = ANY (g.turn) THEN
                INSERT INTO automations.entered AS n (automation_id, record, account_id, execution_id, for_ever)
                VALUES (g.automation_id, g.record, g.account_id, r.id, r.re_entry = 'never')
                ON CONFLICT (automation_id, record) DO UPDATE
                   SET execution_id = excluded.execution_id, for_ever = n.for_ever OR excluded.for_ever;
                has_entered := true;
                went := went || r.id;
            ELSE
                -- it is in front, and not in this turn
                EXIT;
            END IF;
        END LOOP;

        -- before a window ends: its change comes back under the id of the first one
        DELETE FROM automations.queue q WHERE q.account_id = g.account_id AND q.id = ANY (leaving);
        IF d.execution_id IS NOT NULL THEN
            DELETE FROM automations.debounced x WHERE x.execution_id = d.execution_id;
            INSERT INTO automations.debounced SELECT d.*;
            IF d.due_at <= clock_timestamp() THEN
                PERFORM automations.end_windows(ARRAY[d.execution_id]);
            END IF;
        END IF;
        RETURN QUERY
        SELECT g.account_id, u, CASE WHEN u = ANY (gone) THEN 'gone' WHEN u = ANY (went) THEN 'go' ELSE 'later' END,
               CASE WHEN d.due_at IS NOT NULL
                   THEN greatest(ceil(extract(epoch FROM d.due_at - clock_timestamp()) * 1000)::bigint, 0) END
        FROM unnest(g.turn) u;
    END LOOP;
END
$$;
