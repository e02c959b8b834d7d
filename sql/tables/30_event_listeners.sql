-- Which automations an emitted event starts: one row for each that is enabled and active (or in error: a short outage
-- loses no event) and listens to `event`. Kept by save_version() through set_event_listener(); deliver_events() reads it
-- by account and name.
CREATE TABLE IF NOT EXISTS automations.event_listeners (
    account_id    uuid NOT NULL,
    event         text NOT NULL,
    automation_id uuid PRIMARY KEY,
    version       integer NOT NULL,
    conditions    jsonb,
    CONSTRAINT event_listeners_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS event_listeners_event ON automations.event_listeners (account_id, event);
ALTER TABLE automations.event_listeners ENABLE ROW LEVEL SECURITY;
