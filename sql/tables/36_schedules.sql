-- When automations with a schedule run next: one row for each that ever had one, kept by set_schedule(). Whichever daemon
-- comes first fires it (fire_schedules) under the lock of its row. That no time is fired twice is kept by
-- automations.execution_keys, also where this row begins anew or the clock went back.
CREATE TABLE IF NOT EXISTS automations.schedules (
    automation_id     uuid PRIMARY KEY,
    account_id        uuid NOT NULL,
    config            jsonb NOT NULL,
    next_at           timestamptz,
    due_at            timestamptz,
    held              boolean NOT NULL DEFAULT false,
    computed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_execution_id uuid,
    CONSTRAINT schedules_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT a_next_time_has_a_moment CHECK ((next_at IS NULL) = (due_at IS NULL))
) WITH (fillfactor = 70);
COMMENT ON COLUMN automations.schedules.config IS 'trigger_config of the version that counts';
COMMENT ON COLUMN automations.schedules.next_at IS 'the next time; null: not active, or there is none any more';
COMMENT ON COLUMN automations.schedules.due_at IS 'when it is fired: next_at and its jitter';
COMMENT ON COLUMN automations.schedules.held IS 'status error: fires nothing, and the gap is treated as missed';
COMMENT ON COLUMN automations.schedules.computed_at IS 'when next_at was; a time to come: the clock went back';
COMMENT ON COLUMN automations.schedules.last_execution_id IS 'of the last fire, for overlap';
CREATE INDEX IF NOT EXISTS schedules_due_at ON automations.schedules (due_at) WHERE NOT held AND due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS schedules_computed_at ON automations.schedules (computed_at)
    WHERE NOT held AND due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS schedules_account_id ON automations.schedules (account_id, automation_id);
ALTER TABLE automations.schedules ENABLE ROW LEVEL SECURITY;
