-- Keeps what started an execution as an event, for replay: a call of a webhook, a fire of a schedule or a captured
-- change, for automations whose trigger_config says `keep`. Called by whoever started it, in the same transaction; an
-- execution that was there already, because its occasion came a second time, is kept once. It counts as delivered:
-- nobody waits for it. Goes with the other events after `event_days`.
CREATE FUNCTION automations.keep_occurrence(account_id uuid, execution_id uuid, source text, name text, payload jsonb)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO public.automation_events (account_id, event, payload, source, correlation_id, delivered_at)
    VALUES (keep_occurrence.account_id, name, coalesce(keep_occurrence.payload, '{}'), keep_occurrence.source,
            execution_id::text, clock_timestamp())
    ON CONFLICT (correlation_id) WHERE source IN ('webhook', 'schedule', 'capture') DO NOTHING
$$;
