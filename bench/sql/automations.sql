-- $1: account, $2: its agent, $3: how many. Active automations that listen to other things than a new lead: changes
-- of columns, deletions, conversations.
WITH automation AS (
    INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, trigger_config, nodes,
        edges, version)
    SELECT $1, $2, 'Other ' || n, 'active', true, 'event',
           CASE n % 3 WHEN 0 THEN '{"event_source": "lead", "event_type": "UPDATE", "columns": ["score"]}'
                      WHEN 1 THEN '{"event_source": "lead", "event_type": "DELETE"}'
                      ELSE '{"event_source": "conversation", "event_type": "INSERT"}' END::jsonb,
           '[{"id": "start", "type": "trigger-event", "position": {"x": 0, "y": 0}, "data": {"label": "start"}}]', '[]', 1
    FROM generate_series(1, $3::integer) AS n
    RETURNING *
)
INSERT INTO public.automation_versions (automation_id, version, account_id, name, trigger_type, trigger_config, nodes,
    edges)
SELECT a.id, 1, a.user_id, a.name, a.trigger_type, a.trigger_config, a.nodes, a.edges FROM automation a
