-- Changes that matched and could not be queued: the application's write succeeded all the same (D4), and
-- replay_missed() queues them later. No foreign keys: it must be writable when everything else is not.
CREATE TABLE IF NOT EXISTS automations.missed (
    id              uuid PRIMARY KEY DEFAULT automations.uuid_v7(),
    occurred_at     timestamptz NOT NULL DEFAULT now(),
    tab             text NOT NULL,
    operation       text NOT NULL,
    source          text,
    account_id      uuid,
    automation_id   uuid,
    data            jsonb,
    lead_id         uuid,
    conversation_id uuid,
    caused_by       uuid,
    depth           smallint NOT NULL DEFAULT 0,
    sqlstate        text,
    message         text,
    replayed_at     timestamptz,
    given_up        text,
    record          text,
    CONSTRAINT what_is_replayed_is_not_given_up CHECK (replayed_at IS NULL OR given_up IS NULL)
);
ALTER TABLE automations.missed ADD COLUMN IF NOT EXISTS record text;
COMMENT ON COLUMN automations.missed.record IS 'what re_entry and debounce_seconds are about, where they ask';
COMMENT ON COLUMN automations.missed.automation_id IS
    'null: what went wrong came before it was known who listens';
COMMENT ON COLUMN automations.missed.given_up IS 'why replaying cannot mend it; such a row is kept to be read';
CREATE INDEX IF NOT EXISTS missed_waits ON automations.missed (occurred_at)
    WHERE replayed_at IS NULL AND given_up IS NULL;
ALTER TABLE automations.missed ENABLE ROW LEVEL SECURITY;
