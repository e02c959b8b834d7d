-- Queues changes that capture had to set aside (automations.missed), oldest first, up to `batch` of them; returns
-- how many executions that gives. The id of the missed row becomes that of the execution, so that none is queued
-- twice. For a change that was put down before it was known who listens that is found out now (replay_change). What is
-- locked stays for the next time. What replaying cannot mend is given up, with the reason, and kept to be read: an
-- automation that is gone, rows that could not be paired (21000), a listener or row that could not be read (22023).
CREATE FUNCTION automations.replay_missed(batch integer)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    m record;
    gave integer;
    why text;
    queued integer := 0;
BEGIN
    FOR m IN
        SELECT x.* FROM automations.missed x
        WHERE x.replayed_at IS NULL AND x.given_up IS NULL
        ORDER BY x.occurred_at
        LIMIT batch
        FOR UPDATE SKIP LOCKED
    LOOP
        why := NULL;
        BEGIN
            IF m.automation_id IS NULL AND m.data ? 'event' THEN
                gave := automations.replay_change(m.tab, m.operation, m.data, m.caused_by, m.depth);
            ELSIF m.automation_id IS NULL OR m.data IS NULL THEN
                why := 'the row is not known';
            ELSIF m.sqlstate IN ('21000', '22023') THEN
                why := m.message;
            ELSE
                INSERT INTO automations.queue (
                    account_id, id, automation_id, version, trigger_type, trigger_data, lead_id, conversation_id,
                    caused_by, depth, occurred_at, priority, record)
                SELECT coalesce(m.account_id, a.user_id), m.id, m.automation_id, a.version, 'event', m.data,
                       m.lead_id, m.conversation_id, m.caused_by, m.depth, m.occurred_at,
                       automations.priority_of(v.options), m.record
                FROM public.automations a
                LEFT JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
                WHERE a.id = m.automation_id
                ON CONFLICT DO NOTHING;
                GET DIAGNOSTICS gave = ROW_COUNT;
                IF NOT EXISTS (SELECT FROM public.automations a WHERE a.id = m.automation_id) THEN
                    why := 'the automation is gone';
                END IF;
            END IF;
        EXCEPTION
            WHEN lock_not_available OR deadlock_detected THEN
                CONTINUE;
            WHEN OTHERS THEN
                why := format('%s (%s)', SQLERRM, SQLSTATE);
        END;
        UPDATE automations.missed x
        SET given_up = why, replayed_at = CASE WHEN why IS NULL THEN clock_timestamp() END
        WHERE x.id = m.id;
        IF why IS NULL THEN
            queued := queued + gave;
        END IF;
    END LOOP;
    IF queued > 0 THEN
        PERFORM automations.wake();
    END IF;
    RETURN queued;
END
$$;
