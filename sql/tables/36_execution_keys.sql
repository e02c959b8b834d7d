-- The same key for the same automation gives the same execution. A table of its own, because uniqueness across
-- the partitions of the history needs one (D11).
CREATE TABLE IF NOT EXISTS automations.execution_keys (
    account_id      uuid NOT NULL,
    automation_id   uuid NOT NULL,
    idempotency_key text NOT NULL,
    execution_id    uuid NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (automation_id, idempotency_key),
    CONSTRAINT execution_keys_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS execution_keys_created_at ON automations.execution_keys (created_at);
ALTER TABLE automations.execution_keys ENABLE ROW LEVEL SECURITY;
