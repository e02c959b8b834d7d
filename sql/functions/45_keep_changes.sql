-- Keeps captured changes as events, for replay, where their automation asks for it; called when they become executions,
-- with their queue rows still there. As keep_occurrence() does it for other occasions.
CREATE FUNCTION automations.keep_changes(account_ids uuid[], ids uuid[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO public.automation_events (account_id, event, payload, source, correlation_id, delivered_at)
    SELECT q.account_id, concat_ws(' ', l.source, q.trigger_data ->> 'event'), q.trigger_data, 'capture', q.id::text,
           clock_timestamp()
      FROM unnest(account_ids, ids) AS k (account_id, id)
      JOIN automations.queue q ON q.account_id = k.account_id AND q.id = k.id
      JOIN automations.listeners l ON l.automation_id = q.automation_id AND l.account_id = q.account_id AND l.keep
     WHERE q.trigger_type = 'event' AND q.trigger_data IS NOT NULL AND NOT q.test_mode
    ON CONFLICT (correlation_id) WHERE source IN ('webhook', 'schedule', 'capture') DO NOTHING
$$;
