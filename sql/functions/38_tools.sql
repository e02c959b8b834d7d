-- The tools of an agent that the caller may see, as a client takes them: format `openai`, `anthropic` or `mcp`.
CREATE FUNCTION automations.tools(agent_id uuid, format text DEFAULT 'openai') RETURNS jsonb
STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'tools_wrapper';
