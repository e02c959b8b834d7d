-- The graph that an execution runs: one immutable version of its automation, the JSON as text.
CREATE FUNCTION automations.definition(automation_id uuid, version integer)
RETURNS TABLE (
    account_id uuid, agent_id uuid, name text, trigger_type text, trigger_config text, nodes text, edges text,
    options text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.account_id, a.agent_id, v.name, v.trigger_type, v.trigger_config::text, v.nodes::text, v.edges::text,
           v.options::text
    FROM public.automation_versions v
    JOIN public.automations a ON a.id = v.automation_id
    WHERE v.automation_id = definition.automation_id AND v.version = definition.version
$$;
