-- Executions that only wait: for a time, an event, a person. Rows, no memory, no connection (rule 13).
CREATE TABLE IF NOT EXISTS automations.parked (
    execution_id    uuid PRIMARY KEY,
    account_id      uuid NOT NULL,
    automation_id   uuid NOT NULL,
    version         integer,
    lead_id         uuid,
    conversation_id uuid,
    trigger_type    text NOT NULL,
    caused_by       uuid,
    depth           smallint NOT NULL DEFAULT 0,
    test_mode       boolean NOT NULL DEFAULT false,
    attempt         integer NOT NULL DEFAULT 0,
    wake_at         timestamptz,
    priority        smallint NOT NULL DEFAULT 0
);
ALTER TABLE automations.parked ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN automations.parked.wake_at IS 'null: until somebody resumes it';
CREATE INDEX IF NOT EXISTS parked_wake_at ON automations.parked (wake_at) WHERE wake_at IS NOT NULL;
-- rows come and go, and each look reads the first entry of the index
ALTER TABLE automations.parked SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE automations.parked ENABLE ROW LEVEL SECURITY;
