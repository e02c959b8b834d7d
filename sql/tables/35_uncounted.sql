-- Statistics that could not be written because somebody held the automation's row: maintain() adds them later,
-- so that finishing an execution never waits for a person who edits (D1, section 7 of the contract).
CREATE TABLE IF NOT EXISTS automations.uncounted (
    automation_id         uuid NOT NULL,
    executions            integer NOT NULL,
    last_executed_at      timestamptz,
    last_execution_status text
);
ALTER TABLE automations.uncounted ENABLE ROW LEVEL SECURITY;
