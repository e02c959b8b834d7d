-- How often each webhook was called and when last, by calls that were allowed. Daemons add what they counted every few
-- seconds: an UPDATE for each call would make the row the bottleneck. Outlives pauses, which take the webhook's row away.
CREATE TABLE IF NOT EXISTS automations.webhook_calls (
    account_id     uuid NOT NULL,
    automation_id  uuid PRIMARY KEY,
    calls          bigint NOT NULL DEFAULT 0,
    last_called_at timestamptz NOT NULL,
    CONSTRAINT webhook_calls_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
ALTER TABLE automations.webhook_calls ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "Users can view calls of their webhooks" ON automations.webhook_calls;
CREATE POLICY "Users can view calls of their webhooks" ON automations.webhook_calls
    FOR SELECT USING (public.has_account_access(account_id));
