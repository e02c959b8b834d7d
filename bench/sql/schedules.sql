-- $1: the account, $2: its agent, $3: how many, $4 and $5: nodes and edges. Automations that run every minute.
INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, trigger_config, nodes, edges)
SELECT $1, $2, 'every minute ' || n, 'active', true, 'schedule', '{"cron": "* * * * *"}', $4, $5
FROM generate_series(1, $3::integer) AS n
