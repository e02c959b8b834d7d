-- The key with that id, for the daemon, which compares the hash: whether it may be used now, and whether its last use is
-- to be noted. A key for an agent that belongs to somebody else now may not.
CREATE FUNCTION automations.api_key(key_id text)
RETURNS TABLE (id uuid, hash bytea, account_id uuid, agent_id uuid, scopes text[], usable boolean, unnoted boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.id, k.hash, k.account_id, k.agent_id, k.scopes,
           k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
               AND (k.agent_id IS NULL OR automations.account_of('agent', k.agent_id) IS NOT DISTINCT FROM k.account_id),
           k.last_used_at IS NULL OR k.last_used_at < clock_timestamp() - interval '1 minute'
    FROM public.automation_api_keys k
    WHERE k.key_id = api_key.key_id
$$;
