-- Calls a tool of an agent that the caller may see: checks the arguments against its schema and starts the automation
-- with them as trigger data. wait() gives the result.
CREATE FUNCTION automations.call_tool(agent_id uuid, tool text, arguments jsonb DEFAULT '{}',
    conversation_id uuid DEFAULT NULL) RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'call_tool_wrapper';
