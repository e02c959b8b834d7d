-- What was claimed together, one row for each call: how rescue() finds leases that lapsed without reading the queue,
-- which may be long, and without an index on the lease, which each claim and each end of an execution would pay for.
-- It says nothing about who holds a lease: that is the queue's token alone. A row goes when nothing is left in the queue
-- under its token.
CREATE TABLE IF NOT EXISTS automations.claims (
    token    uuid PRIMARY KEY,
    accounts uuid[] NOT NULL,
    ids      uuid[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE automations.claims ENABLE ROW LEVEL SECURITY;
