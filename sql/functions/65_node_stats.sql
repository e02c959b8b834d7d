-- The same for each node of an automation: how often it ran within `since`, how it ended and how long it took in
-- milliseconds. Counted from `nodes_executed` of the executions that the caller may see; test runs are left out, and
-- skipped nodes count in no duration.
CREATE FUNCTION automations.node_stats(automation_id uuid, since interval DEFAULT '30 days')
RETURNS TABLE (
    node_id text, node_type text, label text, runs bigint, succeeded bigint, failed bigint, skipped bigint,
    success_rate double precision, p50_ms double precision, p95_ms double precision, p99_ms double precision,
    last_error text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH run AS MATERIALIZED (
        SELECT n.node_id, n.node_type, n.label, n.status, n.duration_ms, n.completed_at,
               coalesce(n.error ->> 'message', n.error #>> '{}') AS error
        FROM public.automation_executions e
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(e.nodes_executed) WHEN 'array' THEN e.nodes_executed ELSE '[]' END) AS x (node)
        CROSS JOIN LATERAL jsonb_to_record(x.node) AS n (
            node_id text, node_type text, label text, status text, duration_ms bigint, completed_at timestamptz,
            error jsonb)
        WHERE e.automation_id = node_stats.automation_id AND NOT e.test_mode
          AND e.started_at >= now() - node_stats.since
          AND n.node_id IS NOT NULL -- a line for steps that are not listed
    )
    SELECT r.node_id, (array_agg(r.node_type ORDER BY r.completed_at DESC NULLS LAST))[1],
           (array_agg(r.label ORDER BY r.completed_at DESC NULLS LAST))[1],
           count(*) FILTER (WHERE r.status <> 'skipped'), count(*) FILTER (WHERE r.status = 'success'),
           count(*) FILTER (WHERE r.status = 'failed'), count(*) FILTER (WHERE r.status = 'skipped'),
           count(*) FILTER (WHERE r.status = 'success')::double precision
               / nullif(count(*) FILTER (WHERE r.status IN ('success', 'failed')), 0),
           percentile_cont(0.50) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status <> 'skipped'),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status <> 'skipped'),
           percentile_cont(0.99) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status <> 'skipped'),
           (array_agg(r.error ORDER BY r.completed_at DESC NULLS LAST) FILTER (WHERE r.status = 'failed'))[1]
    FROM run r
    GROUP BY r.node_id
    ORDER BY r.node_id
$$;
