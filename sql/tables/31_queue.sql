-- What waits to be run or is being run. A captured change is one lean row here and nothing else: the id is that
-- of the execution to be. A row leaves when its execution parks or ends. No foreign keys and no second index that a
-- plain row is in, because the application's own insert pays for each of them (D2): what has a priority, is about a
-- record that matters, or only tests is rare and found by partial ones.
CREATE TABLE IF NOT EXISTS automations.queue (
    account_id      uuid NOT NULL,
    id              uuid NOT NULL DEFAULT automations.uuid_v7(),
    automation_id   uuid NOT NULL,
    version         integer,
    trigger_type    text NOT NULL,
    trigger_data    jsonb,
    lead_id         uuid,
    conversation_id uuid,
    caused_by       uuid,
    depth           smallint NOT NULL DEFAULT 0,
    test_mode       boolean NOT NULL DEFAULT false,
    occurred_at     timestamptz NOT NULL DEFAULT now(),
    has_execution   boolean NOT NULL DEFAULT false,
    attempt         integer NOT NULL DEFAULT 0,
    crashes         smallint NOT NULL DEFAULT 0,
    lease_token     uuid,
    lease_until     timestamptz,
    priority        smallint NOT NULL DEFAULT 0,
    record          text,
    quiet           boolean NOT NULL DEFAULT false,
    steps           jsonb,
    PRIMARY KEY (account_id, id),
    CONSTRAINT a_lease_has_a_token_and_an_end CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);
-- a claim writes the row a second time, trigger data and all: there is room for both on its page, so that the update is
-- HOT (with 70, half of them were, and an execution cost 390 bytes of log more)
ALTER TABLE automations.queue SET (fillfactor = 45);
ALTER TABLE automations.queue
    ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS record text,
    ADD COLUMN IF NOT EXISTS quiet boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS steps jsonb;
CREATE INDEX IF NOT EXISTS queue_by_priority ON automations.queue (account_id, priority DESC, id) WHERE priority <> 0;
CREATE INDEX IF NOT EXISTS queue_by_record ON automations.queue (account_id, automation_id, record, id)
    WHERE record IS NOT NULL;
CREATE INDEX IF NOT EXISTS queue_of_tests ON automations.queue (account_id, id) WHERE test_mode;
COMMENT ON COLUMN automations.queue.priority IS 'higher first within an account';
COMMENT ON COLUMN automations.queue.record IS
    'what re_entry and debounce_seconds are about; null where there is nothing (more) to decide';
COMMENT ON COLUMN automations.queue.quiet IS 'its record was quiet for debounce_seconds: it waits no longer';
COMMENT ON COLUMN automations.queue.steps IS
    'the records of its steps until it has a row: what it was about to do when it was last heard of';
COMMENT ON COLUMN automations.queue.caused_by IS 'the execution whose write caused this one';
COMMENT ON COLUMN automations.queue.crashes IS 'leases lost in a row without a newly recorded step';
ALTER TABLE automations.queue ENABLE ROW LEVEL SECURITY;
