-- Changes whenever the list of tools does that agent_tools() gives.
CREATE FUNCTION automations.tools_stamp(account_id uuid, agent_id uuid)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT md5(coalesce(string_agg(concat_ws(' ', t.automation_id, t.agent_id, t.version, t.tool_name), ',' ORDER BY t.automation_id), ''))
    FROM automations.tools t
    WHERE t.account_id = tools_stamp.account_id
      AND (tools_stamp.agent_id IS NULL OR t.agent_id = tools_stamp.agent_id)
$$;
