-- Claims of what is limited, and of nothing else. A row counts exactly while the queue holds its execution under the
-- same token, so what a daemon lost, let go or ended never counts, whatever became of the row here; those that are left
-- over go with maintain(). No foreign keys, as in the queue.
CREATE TABLE IF NOT EXISTS automations.in_flight (
    execution_id  uuid PRIMARY KEY,
    account_id    uuid NOT NULL,
    automation_id uuid NOT NULL,
    token         uuid NOT NULL
);
CREATE INDEX IF NOT EXISTS in_flight_account_id ON automations.in_flight (account_id, automation_id);
-- rows come and go with claims
ALTER TABLE automations.in_flight SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE automations.in_flight ENABLE ROW LEVEL SECURITY;
