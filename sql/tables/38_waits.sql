-- What waiting steps wait for, and what came: one row for each step that waits for a resume, an event or another
-- execution, and for each resume() that came before its step waits (kind is null then). Whoever comes first writes
-- `came`, under the lock of the row: so a resume, an event, a child's end and a timeout are decided here and nowhere
-- else (docs/decisions/waits.md). The row goes with the record of its step's end, or with its execution.
CREATE TABLE IF NOT EXISTS automations.waits (
    execution_id uuid NOT NULL,
    step_key     uuid NOT NULL,
    account_id   uuid NOT NULL,
    attempt      integer NOT NULL DEFAULT 1,
    kind         text,
    event        text,
    match        jsonb,
    child_id     uuid,
    wake_at      timestamptz,
    came         text,
    outcome      text,
    payload      jsonb,
    event_id     uuid,
    came_at      timestamptz,
    PRIMARY KEY (execution_id, step_key),
    CONSTRAINT kind_is_one_of_four CHECK (kind IN ('resume', 'event', 'child', 'ended')),
    CONSTRAINT came_is_one_of_four CHECK (came IN ('resumed', 'event', 'child', 'timeout')),
    CONSTRAINT what_came_has_a_time CHECK ((came IS NULL) = (came_at IS NULL)),
    CONSTRAINT what_does_not_wait_yet_was_resumed CHECK (kind IS NOT NULL OR came = 'resumed'),
    CONSTRAINT who_waits_for_an_event_names_it CHECK (kind <> 'event' OR event IS NOT NULL),
    CONSTRAINT who_waits_for_a_child_names_it CHECK (kind NOT IN ('child', 'ended') OR child_id IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN automations.waits.step_key IS 'the idempotency key of the step';
COMMENT ON COLUMN automations.waits.kind IS
    'null: resumed before it waits; ended: its execution has ended and its child is still to be cancelled';
COMMENT ON COLUMN automations.waits.wake_at IS 'the timeout, null: none';
COMMENT ON COLUMN automations.waits.event_id IS 'the event that came; its payload is not copied to each who waited';
CREATE INDEX IF NOT EXISTS waits_for_event ON automations.waits (account_id, event)
    WHERE kind = 'event' AND came IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS waits_for_child ON automations.waits (child_id) WHERE child_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS waits_that_came ON automations.waits (came_at)
    WHERE came IS NOT NULL AND kind IS NOT NULL;
CREATE INDEX IF NOT EXISTS waits_whose_child_is_left ON automations.waits (execution_id) WHERE kind = 'ended';
ALTER TABLE automations.waits ENABLE ROW LEVEL SECURITY;
