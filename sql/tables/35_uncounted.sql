-- Statistics that could not be written because somebody held the automation's row: fold_uncounted() adds them later,
-- so that finishing an execution never waits for a person who edits (D1, section 7 of the contract).
CREATE TABLE IF NOT EXISTS automations.uncounted (
    automation_id         uuid NOT NULL,
    executions            integer NOT NULL,
    last_executed_at      timestamptz,
    last_execution_status text
);
CREATE INDEX IF NOT EXISTS uncounted_automation_id ON automations.uncounted (automation_id);
ALTER TABLE automations.uncounted ENABLE ROW LEVEL SECURITY;
