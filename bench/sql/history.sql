-- $1: automation, $2: account, $3: how many, $4: weeks ago. Completed executions with ids and times of that week, and
-- the three steps of each.
WITH moment AS MATERIALIZED (
    SELECT n, date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - $4::float8 * interval '7 days'
                  + (n / $3::float8) * interval '6 days 23 hours' AS at
    FROM generate_series(1, $3::integer) AS n
), execution AS (
    INSERT INTO public.automation_executions (id, automation_id, account_id, version, trigger_type, trigger_data,
        status, nodes_executed, started_at, completed_at, duration_ms)
    SELECT overlay(overlay(gen_random_uuid()::text PLACING left(automations.uuid_at(m.at)::text, 13) FROM 1)
                   PLACING '7' FROM 15)::uuid,
           $1, $2, 1, 'event', '{"new": {"name": "Ada Lovelace", "source": "web"}, "operation": "INSERT"}', 'completed',
           '[{"node_id": "start", "status": "completed"}, {"node_id": "stop", "status": "completed"}]',
           m.at, m.at + interval '20 ms', 20
    FROM moment m
    RETURNING id, started_at
)
INSERT INTO automations.steps (execution_id, account_id, node_id, run, node_type, status, ordinal, outcome, output,
    started_at, completed_at, duration_ms)
SELECT e.id, $2, s.node_id, 1, 'logic-stop', 'completed', s.place, '{"handle": "default"}',
       '{"name": "Ada Lovelace", "source": "web"}', e.started_at, e.started_at + interval '10 ms', 10
FROM execution e, (VALUES ('start', 1), ('good', 2), ('stop', 3)) AS s (node_id, place)
