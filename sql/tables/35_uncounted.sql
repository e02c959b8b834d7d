-- Statistics that could not be written because somebody held the automation's row: fold_uncounted() adds them later,
-- so that finishing an execution never waits for a person who edits (D1, section 7 of the contract). One row for
-- executions of one status that ended in a row; `failures` of them count for the error limit.
CREATE TABLE IF NOT EXISTS automations.uncounted (
    automation_id         uuid NOT NULL,
    executions            integer NOT NULL,
    last_executed_at      timestamptz,
    last_execution_status text
);
ALTER TABLE automations.uncounted ADD COLUMN IF NOT EXISTS failures integer NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS uncounted_automation_id ON automations.uncounted (automation_id);
-- rows come and go, and each look asks whether there is one
ALTER TABLE automations.uncounted SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE automations.uncounted ENABLE ROW LEVEL SECURITY;
