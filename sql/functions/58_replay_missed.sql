-- Queues changes that capture had to set aside (automations.missed), oldest first, up to `batch` of them; returns
-- how many it queued. The id of the missed row becomes that of the execution, so that none is queued twice. For a
-- change that was put down before it was known who listens that is found out now (replay_change). What replaying
-- cannot mend is marked and kept to be read: an automation that is gone, rows that could not be paired (21000), a
-- listener or row that could not be read (22023).
CREATE FUNCTION automations.replay_missed(batch integer)
RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH due AS MATERIALIZED (
        SELECT m.id FROM automations.missed m
        WHERE m.replayed_at IS NULL
        ORDER BY m.occurred_at
        LIMIT batch
        FOR UPDATE SKIP LOCKED
    ), marked AS (
        UPDATE automations.missed m SET replayed_at = clock_timestamp()
        FROM due d WHERE m.id = d.id
        RETURNING m.*
    ), queued AS (
        INSERT INTO automations.queue (
            account_id, id, automation_id, version, trigger_type, trigger_data, lead_id, conversation_id, caused_by,
            depth, occurred_at)
        SELECT coalesce(m.account_id, a.user_id), m.id, m.automation_id, a.version, 'event', m.data, m.lead_id,
               m.conversation_id, m.caused_by, m.depth, m.occurred_at
        FROM marked m JOIN public.automations a ON a.id = m.automation_id
        WHERE m.data IS NOT NULL AND m.sqlstate NOT IN ('21000', '22023')
        ON CONFLICT DO NOTHING
        RETURNING id
    ), matched AS (
        SELECT automations.replay_change(m.tab, m.operation, m.data, m.caused_by, m.depth) AS executions
        FROM marked m WHERE m.automation_id IS NULL AND m.data ? 'event'
    )
    SELECT ((SELECT count(*) FROM queued) + (SELECT coalesce(sum(x.executions), 0) FROM matched x))::integer
$$;
