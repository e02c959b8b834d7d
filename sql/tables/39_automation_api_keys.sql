-- Keys by which programs outside act for an agent, or for all agents of an account: of each only the hash.
-- create_api_key() makes one and shows it once. Members of the account see them but for the hash, name, revoke and
-- delete them.
CREATE TABLE IF NOT EXISTS public.automation_api_keys (
    id           uuid PRIMARY KEY DEFAULT automations.uuid_v7(),
    account_id   uuid NOT NULL,
    agent_id     uuid,
    name         text,
    key_id       text NOT NULL,
    prefix       text NOT NULL,
    hash         bytea NOT NULL,
    scopes       text[] NOT NULL,
    created_by   uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT a_key_id_finds_one_key UNIQUE (key_id),
    CONSTRAINT the_hash_is_a_sha_256 CHECK (octet_length(hash) = 32),
    CONSTRAINT scopes_are_known CHECK (scopes <@ ARRAY['tools:read', 'tools:call'] AND cardinality(scopes) > 0)
);
COMMENT ON COLUMN public.automation_api_keys.agent_id IS 'null: all agents of the account';
COMMENT ON COLUMN public.automation_api_keys.prefix IS 'how the key begins, to tell keys apart';
COMMENT ON COLUMN public.automation_api_keys.last_used_at IS 'to the minute';
CREATE INDEX IF NOT EXISTS automation_api_keys_account ON public.automation_api_keys (account_id);
CREATE INDEX IF NOT EXISTS automation_api_keys_agent ON public.automation_api_keys (agent_id);
ALTER TABLE public.automation_api_keys ENABLE ROW LEVEL SECURITY;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c
                    WHERE c.conrelid = 'public.automation_api_keys'::regclass AND c.contype = 'f') THEN
        EXECUTE format('ALTER TABLE public.automation_api_keys ADD CONSTRAINT automation_api_keys_agent_id_fkey
            FOREIGN KEY (agent_id) REFERENCES %s (id) ON DELETE CASCADE',
            (SELECT (value #>> '{}')::regclass FROM automations.settings WHERE name = 'agents'));
    END IF;
END
$$;
DROP POLICY IF EXISTS "Users can view keys of their account" ON public.automation_api_keys;
CREATE POLICY "Users can view keys of their account" ON public.automation_api_keys
    FOR SELECT USING (public.has_account_access(account_id));
DROP POLICY IF EXISTS "Users can name and revoke keys of their account" ON public.automation_api_keys;
CREATE POLICY "Users can name and revoke keys of their account" ON public.automation_api_keys
    FOR UPDATE USING (public.has_account_access(account_id)) WITH CHECK (public.has_account_access(account_id));
DROP POLICY IF EXISTS "Users can delete keys of their account" ON public.automation_api_keys;
CREATE POLICY "Users can delete keys of their account" ON public.automation_api_keys
    FOR DELETE USING (public.has_account_access(account_id));
