-- The name of an account in the addresses of its webhooks: random, so that nobody can try another's paths, and given by
-- nobody, so that nobody can take one.
CREATE TABLE IF NOT EXISTS automations.account_names (
    account_id uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    CONSTRAINT a_name_is_32_hexadecimal_digits CHECK (name ~ '^[0-9a-f]{32}$')
);
ALTER TABLE automations.account_names ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "Users can view the name of their account" ON automations.account_names;
CREATE POLICY "Users can view the name of their account" ON automations.account_names
    FOR SELECT USING (public.has_account_access(account_id));
