-- The tools of an agent, or of all agents of an account (null), by name: one of them, or those behind `after`. Where two
-- agents of the account have tools of the same name, each name gets the beginning of its agent's id.
CREATE FUNCTION automations.agent_tools(account_id uuid, agent_id uuid, only_one text, after text, most integer)
RETURNS TABLE (name text, automation_id uuid, version integer, description text, schema text, acts boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH named AS (
        SELECT t.automation_id,
               CASE WHEN count(*) OVER (PARTITION BY t.tool_name) > 1
                    THEN concat(left(t.tool_name, 55), '_', left(t.agent_id::text, 8)) ELSE t.tool_name END AS name
        FROM automations.tools t
        WHERE t.account_id = agent_tools.account_id
          AND (agent_tools.agent_id IS NULL OR t.agent_id = agent_tools.agent_id)
    )
    SELECT n.name, t.automation_id, t.version, t.description, t.schema::text, t.acts
    FROM named n
    JOIN automations.tools t ON t.automation_id = n.automation_id
    WHERE (only_one IS NULL OR n.name = only_one) AND (after IS NULL OR n.name COLLATE "C" > after COLLATE "C")
    ORDER BY n.name COLLATE "C", t.automation_id
    LIMIT most
$$;
