-- Writes who listens, from the automations and their newest versions: for one automation, or for all (null) after
-- a source came or went. A row exists iff the automation is enabled, active (or in error: a short outage loses no
-- event), says what it listens to, and that source is watched.
CREATE FUNCTION automations.set_listeners(only_one uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH wanted AS (
        SELECT s.source, a.user_id AS account_id, a.id AS automation_id, v.version,
               CASE lower(btrim(v.trigger_config ->> 'event_type')) WHEN 'any' THEN 'any'
                    ELSE upper(btrim(v.trigger_config ->> 'event_type')) END AS event,
               CASE jsonb_typeof(v.trigger_config -> 'columns') WHEN 'array'
                    THEN ARRAY(SELECT jsonb_array_elements_text(v.trigger_config -> 'columns')) ELSE '{}' END
                   AS columns,
               nullif(v.trigger_config -> 'conditions', 'null') AS conditions,
               automations.priority_of(v.options) AS priority,
               e.re_entry <> 'always' OR e.debounce > interval '0' AS record,
               coalesce(v.trigger_config -> 'keep' = 'true', false) AS keep
          FROM public.automations a
          JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
          JOIN automations.sources s ON s.source = btrim(v.trigger_config ->> 'event_source')
          CROSS JOIN LATERAL automations.entry_rules(v.trigger_config) e
         WHERE (only_one IS NULL OR a.id = only_one)
           AND v.trigger_type = 'event' AND a.enabled AND a.status IN ('active', 'error')
           AND lower(btrim(v.trigger_config ->> 'event_type')) IN ('insert', 'update', 'delete', 'any')
    ), gone AS (
        DELETE FROM automations.listeners l
         WHERE (only_one IS NULL OR l.automation_id = only_one)
           AND NOT EXISTS (SELECT FROM wanted w WHERE (w.source, w.account_id, w.automation_id)
                                                    = (l.source, l.account_id, l.automation_id))
    )
    INSERT INTO automations.listeners AS l
        (source, account_id, automation_id, version, event, columns, conditions, priority, record, keep)
    SELECT w.source, w.account_id, w.automation_id, w.version, w.event, w.columns, w.conditions, w.priority, w.record,
           w.keep
    FROM wanted w
    ON CONFLICT (source, account_id, automation_id) DO UPDATE
       SET version = excluded.version, event = excluded.event, columns = excluded.columns,
           conditions = excluded.conditions, priority = excluded.priority, record = excluded.record,
           keep = excluded.keep
     WHERE (l.version, l.event, l.columns, l.conditions, l.priority, l.record, l.keep) IS DISTINCT FROM
           (excluded.version, excluded.event, excluded.columns, excluded.conditions, excluded.priority,
            excluded.record, excluded.keep);
END
$$;
