-- One row: the version of the tables. The daemon is not ready while it differs from that of the library.
CREATE TABLE IF NOT EXISTS automations.schema_version (
    version      text NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now(),
    one          boolean NOT NULL DEFAULT true PRIMARY KEY,
    CONSTRAINT there_is_one_version CHECK (one)
);
ALTER TABLE automations.schema_version ENABLE ROW LEVEL SECURITY;
