-- Makes an API key for an agent that the caller may see, or with null for all agents of his own account, and returns it,
-- this once. Scopes: `tools:read` (list) and `tools:call`; both where none is given.
CREATE FUNCTION automations.create_api_key(agent_id uuid, name text, scopes text[] DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL) RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'create_api_key_wrapper';
