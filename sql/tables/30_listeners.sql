-- Who listens to what: one row for each automation that an event of a source can start. Kept by save_version();
-- capture reads it by (source, account) and nothing else.
CREATE TABLE IF NOT EXISTS automations.listeners (
    source        text NOT NULL,
    account_id    uuid NOT NULL,
    automation_id uuid NOT NULL,
    version       integer NOT NULL,
    event         text NOT NULL,
    columns       text[] NOT NULL DEFAULT '{}',
    conditions    jsonb,
    priority      smallint NOT NULL DEFAULT 0,
    record        boolean NOT NULL DEFAULT false,
    keep          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (source, account_id, automation_id),
    CONSTRAINT listeners_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT event_is_one_of_four CHECK (event IN ('INSERT', 'UPDATE', 'DELETE', 'any'))
);
ALTER TABLE automations.listeners
    ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS record boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS keep boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN automations.listeners.record IS 're_entry or debounce_seconds ask which record changed';
COMMENT ON COLUMN automations.listeners.keep IS 'changes that start it are kept as events, for replay';
-- usually empty: whether anybody keeps anything is asked for each group of executions
CREATE INDEX IF NOT EXISTS listeners_that_keep ON automations.listeners (automation_id) WHERE keep;
CREATE INDEX IF NOT EXISTS listeners_automation_id ON automations.listeners (automation_id);
ALTER TABLE automations.listeners ENABLE ROW LEVEL SECURITY;
