-- Writes which automations are tools, as their newest versions say: for one automation, or for all (null). Of two with
-- the same name at the same agent the second is refused where it is saved, and stays silent where it was there before.
CREATE FUNCTION automations.set_tool(only_one uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w record;
    changed uuid[];
    written uuid;
    taken text;
BEGIN
    WITH gone AS (
        DELETE FROM automations.tools t
         WHERE (only_one IS NULL OR t.automation_id = only_one)
           AND NOT EXISTS (SELECT FROM public.automations a
                             JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
                            WHERE a.id = t.automation_id AND v.trigger_type = 'ai_tool' AND a.trigger_type = 'ai_tool'
                              AND a.enabled AND a.status = 'active')
        RETURNING t.account_id)
    SELECT array_agg(DISTINCT g.account_id) INTO changed FROM gone g;
    FOR w IN
        SELECT a.id, a.user_id, a.agent_id, v.version, v.name, v.trigger_config,
               EXISTS (SELECT FROM jsonb_array_elements(
                           CASE jsonb_typeof(v.nodes) WHEN 'array' THEN v.nodes ELSE '[]' END) AS n (node)
                        WHERE n.node ->> 'type' LIKE 'action-%' OR n.node ->> 'type' = 'logic-sub-automation') AS acts
          FROM public.automations a
          JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
         WHERE (only_one IS NULL OR a.id = only_one) AND a.trigger_type = 'ai_tool' AND v.trigger_type = 'ai_tool'
           AND a.enabled AND a.status = 'active'
         ORDER BY a.created_at, a.id
    LOOP
        BEGIN
            written := NULL;
            INSERT INTO automations.tools AS t
                (account_id, automation_id, agent_id, version, tool_name, description, schema, acts)
            SELECT w.user_id, w.id, w.agent_id, w.version, d.tool ->> 'name',
                   coalesce(d.tool ->> 'description', left(w.name, 1024)), d.tool -> 'schema', w.acts
              FROM (SELECT automations.tool_of(w.trigger_config) AS tool) d
            ON CONFLICT (automation_id) DO UPDATE
               SET account_id = excluded.account_id, agent_id = excluded.agent_id, version = excluded.version,
                   tool_name = excluded.tool_name, description = excluded.description, schema = excluded.schema,
                   acts = excluded.acts
             WHERE (t.account_id, t.agent_id, t.version, t.tool_name, t.description, t.schema, t.acts) IS DISTINCT FROM
                   (excluded.account_id, excluded.agent_id, excluded.version, excluded.tool_name,
                    excluded.description, excluded.schema, excluded.acts)
            RETURNING t.account_id INTO written;
            changed := changed || written;
        EXCEPTION
            WHEN unique_violation THEN
                taken := automations.tool_of(w.trigger_config) ->> 'name';
                IF only_one IS NOT NULL THEN
                    RAISE EXCEPTION '`tool_name` is "%", as that of another active automation of this agent', taken
                        USING ERRCODE = 'unique_violation', CONSTRAINT = 'a_tool_name_is_unique_for_its_agent',
                              HINT = 'Choose another name, or pause the other automation.';
                END IF;
                RAISE WARNING 'automation % (%) is no tool: another one of its agent is called "%"', w.name, w.id, taken;
            WHEN invalid_parameter_value THEN
                IF only_one IS NOT NULL THEN
                    RAISE;
                END IF;
                RAISE WARNING 'automation % (%) is no tool: %', w.name, w.id, SQLERRM;
        END;
    END LOOP;
    -- A hint for those who list tools over the network. PREPARE TRANSACTION fails after a NOTIFY.
    IF array_length(array_remove(changed, NULL), 1) > 0 AND current_setting('max_prepared_transactions') = '0' THEN
        PERFORM pg_notify('automation_tools', '');
    END IF;
END
$$;
