-- Queues changes that capture had to set aside (automations.missed), oldest first, up to `batch` of them; returns
-- how many it queued. The id of the missed row becomes that of the execution, so that none is queued twice. Rows
-- that do not say which automation was to hear of it, or whose automation is gone, are marked and kept to be read.
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
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    SELECT count(*)::integer FROM queued
$$;
