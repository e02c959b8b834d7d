-- Which daemon does what only one may do, until when by the database's clock (D7: a lease row, never an advisory lock).
CREATE TABLE IF NOT EXISTS automations.leaders (
    task   text PRIMARY KEY,
    daemon uuid NOT NULL,
    until  timestamptz NOT NULL
);
ALTER TABLE automations.leaders ENABLE ROW LEVEL SECURITY;
