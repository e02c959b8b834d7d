-- How much of an automation may be in flight at once, where its newest version says so (options.max_in_flight): kept
-- by save_version(). The row is also the lock under which a claim decides about it. Limits of accounts are in
-- public.automation_accounts.
CREATE TABLE IF NOT EXISTS automations.limits (
    account_id    uuid NOT NULL,
    automation_id uuid NOT NULL,
    max_in_flight integer NOT NULL,
    PRIMARY KEY (account_id, automation_id),
    CONSTRAINT limits_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT max_in_flight_is_positive CHECK (max_in_flight > 0)
);
ALTER TABLE automations.limits ENABLE ROW LEVEL SECURITY;
