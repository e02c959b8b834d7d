-- What applications and automations emitted: emit() writes a row, deliver_events() takes it to who waits for it.
-- Members of the account read them; the clean-up drops them after `event_days`.
CREATE TABLE IF NOT EXISTS public.automation_events (
    id             uuid PRIMARY KEY DEFAULT automations.uuid_v7(),
    account_id     uuid NOT NULL,
    event          text NOT NULL,
    payload        jsonb NOT NULL DEFAULT '{}',
    source         text NOT NULL,
    correlation_id text,
    caused_by      uuid,
    depth          smallint NOT NULL DEFAULT 0,
    emitted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at   timestamptz,
    CONSTRAINT an_event_has_a_name CHECK (event <> '')
);
COMMENT ON COLUMN public.automation_events.source IS 'automation: an execution emitted it (caused_by); webhook, schedule, capture: kept for replay, correlation_id is the execution that it started; else application';
COMMENT ON COLUMN public.automation_events.delivered_at IS 'null: deliver_events() has not looked who waits for it';
CREATE INDEX IF NOT EXISTS automation_events_to_deliver ON public.automation_events (id)
    WHERE delivered_at IS NULL;
CREATE INDEX IF NOT EXISTS automation_events_emitted_at ON public.automation_events (emitted_at);
-- what was kept for replay is found by the execution that it started, and is there once
CREATE UNIQUE INDEX IF NOT EXISTS automation_events_kept ON public.automation_events (correlation_id)
    WHERE source IN ('webhook', 'schedule', 'capture');
-- each event is updated once, soon, and each look asks for the first that is not
ALTER TABLE public.automation_events SET (
    fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE public.automation_events ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "Users can view events of their account" ON public.automation_events;
CREATE POLICY "Users can view events of their account" ON public.automation_events
    FOR SELECT USING (public.has_account_access(account_id));
