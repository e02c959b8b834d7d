-- Starts a tool of the account with arguments that were checked against the schema of this version. Null where it is no
-- tool any more, or another version is: look again.
CREATE FUNCTION automations.start_tool(account_id uuid, automation_id uuid, version integer, arguments jsonb,
    conversation_id uuid, idempotency_key text)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM automations.tools t
                    WHERE t.automation_id = start_tool.automation_id AND t.account_id = start_tool.account_id
                      AND t.version = start_tool.version) THEN
        RETURN NULL;
    END IF;
    RETURN automations.start_execution(start_tool.automation_id, arguments, false, NULL, start_tool.conversation_id,
        start_tool.idempotency_key, 'ai_tool');
END
$$;
