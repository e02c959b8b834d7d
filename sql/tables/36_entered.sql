-- Which record has entered which automation, for `re_entry`: `after_finish` asks whether that execution is final,
-- `never` remembers it for ever, apart from the history, which is cleaned up. Goes with the automation.
CREATE TABLE IF NOT EXISTS automations.entered (
    automation_id uuid NOT NULL,
    record        text NOT NULL,
    account_id    uuid NOT NULL,
    execution_id  uuid NOT NULL,
    for_ever      boolean NOT NULL,
    PRIMARY KEY (automation_id, record),
    CONSTRAINT entered_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
COMMENT ON COLUMN automations.entered.execution_id IS 'the last one that entered; it may be gone from the history';
CREATE INDEX IF NOT EXISTS entered_account_id ON automations.entered (account_id, automation_id);
ALTER TABLE automations.entered ENABLE ROW LEVEL SECURITY;
