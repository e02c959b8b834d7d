-- Changes of a record that is not quiet yet (trigger_config.debounce_seconds), folded into one: claim() puts them here,
-- each further change moves due_at, and unpark() brings back what is due. execution_id is the id of the first
-- change's queue row and that of the execution to be. No foreign keys, as in the queue.
CREATE TABLE IF NOT EXISTS automations.debounced (
    account_id      uuid NOT NULL,
    automation_id   uuid NOT NULL,
    record          text NOT NULL,
    execution_id    uuid NOT NULL,
    version         integer,
    first_change    jsonb NOT NULL,
    last_change     jsonb NOT NULL,
    changed         text[] NOT NULL DEFAULT '{}',
    lead_id         uuid,
    conversation_id uuid,
    caused_by       uuid,
    depth           smallint NOT NULL DEFAULT 0,
    priority        smallint NOT NULL DEFAULT 0,
    occurred_at     timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    PRIMARY KEY (account_id, automation_id, record)
);
COMMENT ON COLUMN automations.debounced.first_change IS 'event and old of the first change';
COMMENT ON COLUMN automations.debounced.last_change IS 'the trigger data of the last one, whole';
COMMENT ON COLUMN automations.debounced.due_at IS 'when the record will have been quiet long enough';
CREATE INDEX IF NOT EXISTS debounced_due_at ON automations.debounced (due_at);
CREATE UNIQUE INDEX IF NOT EXISTS debounced_execution_id ON automations.debounced (execution_id);
-- each further change of a record is an update, of due_at too
ALTER TABLE automations.debounced SET (
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE automations.debounced ENABLE ROW LEVEL SECURITY;
