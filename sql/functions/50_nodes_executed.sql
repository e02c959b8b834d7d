-- The steps of an execution as `nodes_executed` shows them, for executions that no daemon ends: cancelled ones and
-- those that killed their daemons. What had started and not ended is listed last, as failed with the given message.
CREATE FUNCTION automations.nodes_executed(execution_id uuid, unfinished text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
            'node_id', s.node_id, 'node_type', s.node_type, 'label', s.label,
            'status', CASE s.status WHEN 'completed' THEN 'success' WHEN 'skipped' THEN 'skipped' ELSE 'failed' END,
            'started_at', s.started_at, 'completed_at', s.completed_at, 'duration_ms', s.duration_ms,
            'attempt', s.attempt, 'run', s.run,
            'iteration', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('loop', p.value -> 0, 'run', p.value -> 1,
                    'item', p.value -> 2) ORDER BY p.ordinality), '[]')
                FROM jsonb_array_elements(s.place::jsonb) WITH ORDINALITY p),
            -- each is shown up to 256 KiB, the step itself holds it whole
            'input', CASE WHEN pg_column_size(s.input) > 262144 THEN '{"cut": true}' ELSE s.input END,
            'output', CASE WHEN pg_column_size(s.output) > 262144 THEN '{"cut": true}' ELSE s.output END,
            'error', CASE WHEN s.status IN ('started', 'parked') THEN jsonb_build_object('message', unfinished)
                ELSE s.error END
        ) ORDER BY s.ordinal NULLS LAST, s.started_at), '[]')
    FROM automations.steps s
    WHERE s.execution_id = nodes_executed.execution_id
$$;
