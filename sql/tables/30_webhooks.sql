-- Who is called at which path of an account: one row for each webhook that is enabled and active (or in error: a short
-- outage loses no call). Kept by save_version() through set_webhook(); the daemon reads it by account and path.
CREATE TABLE IF NOT EXISTS automations.webhooks (
    account_id    uuid NOT NULL,
    path          text NOT NULL,
    automation_id uuid PRIMARY KEY,
    version       integer NOT NULL,
    config        jsonb NOT NULL,
    CONSTRAINT a_path_is_one_webhook_of_its_account UNIQUE (account_id, path),
    CONSTRAINT webhooks_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
COMMENT ON COLUMN automations.webhooks.config IS 'the resolved trigger_config of that version; its secrets are sealed';
ALTER TABLE automations.webhooks ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "Users can view webhooks of their account" ON automations.webhooks;
CREATE POLICY "Users can view webhooks of their account" ON automations.webhooks
    FOR SELECT USING (public.has_account_access(account_id));
