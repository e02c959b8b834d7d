-- The steps of executions: their position (D6) and their history. Partitioned by week of the execution's id like
-- the executions, without a foreign key, which would block dropping a partition (D11).
CREATE TABLE IF NOT EXISTS automations.steps (
    execution_id    uuid NOT NULL,
    account_id      uuid NOT NULL,
    node_id         text NOT NULL,
    place           text NOT NULL DEFAULT '[]',
    run             integer NOT NULL,
    attempt         integer NOT NULL DEFAULT 1,
    node_type       text,
    label           text,
    status          text NOT NULL,
    ordinal         integer,
    outcome         jsonb,
    input           jsonb,
    output          jsonb,
    error           jsonb,
    variables       jsonb,
    warnings        jsonb,
    idempotency_key uuid,
    wake_at         timestamptz,
    started_at      timestamptz,
    completed_at    timestamptz,
    duration_ms     integer,
    began_after     integer,
    format          smallint NOT NULL DEFAULT 1,
    PRIMARY KEY (execution_id, node_id, place, run),
    CONSTRAINT step_status_is_one_of_six
        CHECK (status IN ('started', 'parked', 'completed', 'failed', 'skipped', 'cancelled'))
) PARTITION BY RANGE (execution_id);
ALTER TABLE automations.steps
    ADD COLUMN IF NOT EXISTS began_after integer,
    ADD COLUMN IF NOT EXISTS format smallint NOT NULL DEFAULT 1;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint c
                WHERE c.conrelid = 'automations.steps'::regclass AND c.conname = 'step_status_is_one_of_five') THEN
        ALTER TABLE automations.steps DROP CONSTRAINT step_status_is_one_of_five,
            ADD CONSTRAINT step_status_is_one_of_six
                CHECK (status IN ('started', 'parked', 'completed', 'failed', 'skipped', 'cancelled'));
    END IF;
END
$$;
COMMENT ON COLUMN automations.steps.status IS
    'cancelled: it waited for something outside, and its execution went another way; no part of the position';
COMMENT ON COLUMN automations.steps.place IS 'canonical JSON of [[loop, run, item], ...], outermost []';
COMMENT ON COLUMN automations.steps.ordinal IS 'order of completion in its execution, null until completed';
COMMENT ON COLUMN automations.steps.began_after IS
    'ordinal of the last step that had completed when this one began, 0 none; null: written before it was recorded';
COMMENT ON COLUMN automations.steps.format IS 'of the stored position: a daemon leaves alone what is newer than it knows';
ALTER TABLE automations.steps ENABLE ROW LEVEL SECURITY;
CREATE TABLE IF NOT EXISTS automations.steps_default PARTITION OF automations.steps DEFAULT;
ALTER TABLE automations.steps_default ENABLE ROW LEVEL SECURITY;
