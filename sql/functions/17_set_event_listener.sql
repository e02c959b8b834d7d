-- Writes to which emitted event an automation listens, from its newest version: for one automation, or for all (null). A
-- row exists iff it is enabled, active (or in error), and names an event.
CREATE FUNCTION automations.set_event_listener(only_one uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH wanted AS (
        SELECT a.user_id AS account_id, btrim(v.trigger_config ->> 'event_name') AS event, a.id AS automation_id,
               v.version, nullif(v.trigger_config -> 'conditions', 'null') AS conditions
          FROM public.automations a
          JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
         WHERE (only_one IS NULL OR a.id = only_one)
           AND v.trigger_type = 'event' AND a.enabled AND a.status IN ('active', 'error')
           AND btrim(v.trigger_config ->> 'event_source') = 'event' AND btrim(v.trigger_config ->> 'event_name') <> ''
    ), gone AS (
        DELETE FROM automations.event_listeners l
         WHERE (only_one IS NULL OR l.automation_id = only_one)
           AND NOT EXISTS (SELECT FROM wanted w WHERE w.automation_id = l.automation_id)
    )
    INSERT INTO automations.event_listeners AS l (account_id, event, automation_id, version, conditions)
    SELECT w.account_id, w.event, w.automation_id, w.version, w.conditions FROM wanted w
    ON CONFLICT (automation_id) DO UPDATE
       SET account_id = excluded.account_id, event = excluded.event, version = excluded.version,
           conditions = excluded.conditions
     WHERE (l.account_id, l.event, l.version, l.conditions)
        IS DISTINCT FROM (excluded.account_id, excluded.event, excluded.version, excluded.conditions);
END
$$;
