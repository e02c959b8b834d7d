-- The steps of an execution as `nodes_executed` shows them, for executions that no daemon ends: cancelled ones and
-- those that killed their daemons. What had started and not ended is listed last, as failed with the given message.
-- Input, output and error are shown up to 256 KiB each and 16 MiB in all, the steps hold them whole: without an end a
-- list of ten thousand would pass what a jsonb can hold, and then nobody could cancel it. Of more than ten thousand
-- steps the first and the last five thousand are listed, with a line that says how many are between them.
CREATE FUNCTION automations.nodes_executed(execution_id uuid, unfinished text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH measured AS MATERIALIZED (
        SELECT s.node_id, s.place, s.run, s.ordinal, s.started_at, v.name, octet_length(v.value::text) AS bytes
        FROM automations.recorded_steps s
        CROSS JOIN LATERAL (VALUES ('1 input', s.input), ('2 output', s.output), ('3 error', s.error))
            AS v (name, value)
        WHERE s.execution_id = nodes_executed.execution_id AND v.value IS NOT NULL
    ), cut AS (
        SELECT m.node_id, m.place, m.run, array_agg(m.name) AS names
        FROM (
            SELECT c.node_id, c.place, c.run, c.name, c.bytes > 262144 OR sum(least(c.bytes, 262144)) OVER (
                ORDER BY c.ordinal NULLS LAST, c.started_at, c.node_id, c.place, c.run, c.name) > 16777216 AS too_much
            FROM measured c
        ) m
        WHERE m.too_much
        GROUP BY m.node_id, m.place, m.run
    )
    SELECT coalesce(jsonb_agg(CASE WHEN s.line = 5001 AND s.lines > 10001 THEN jsonb_build_object(
            'node_id', NULL, 'node_type', NULL, 'label', format('%s further steps are not shown', s.lines - 10000),
            'status', 'skipped', 'started_at', NULL, 'completed_at', NULL, 'duration_ms', NULL, 'attempt', 0, 'run', 0,
            'iteration', '[]'::jsonb, 'input', NULL, 'output', NULL, 'error', NULL, 'cut', s.lines - 10000)
        ELSE jsonb_build_object(
            'node_id', s.node_id, 'node_type', s.node_type, 'label', s.label,
            'status', CASE s.status WHEN 'completed' THEN 'success' WHEN 'skipped' THEN 'skipped' ELSE 'failed' END,
            'started_at', s.started_at, 'completed_at', s.completed_at, 'duration_ms', s.duration_ms,
            'attempt', s.attempt, 'run', s.run,
            'iteration', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('loop', p.value -> 0, 'run', p.value -> 1,
                    'item', p.value -> 2) ORDER BY p.ordinality), '[]')
                FROM jsonb_array_elements(s.place::jsonb) WITH ORDINALITY p),
            'input', CASE WHEN '1 input' = ANY (c.names) THEN '{"cut": true}' ELSE s.input END,
            'output', CASE WHEN '2 output' = ANY (c.names) THEN '{"cut": true}' ELSE s.output END,
            'error', CASE
                WHEN s.status IN ('started', 'parked') THEN jsonb_build_object('message', unfinished)
                WHEN '3 error' = ANY (c.names) THEN jsonb_build_object('message', left(s.error ->> 'message', 200),
                    'code', s.error -> 'code', 'cut', true)
                ELSE s.error END
        ) END ORDER BY s.line), '[]')
    FROM (
        SELECT o.*, row_number() OVER (ORDER BY o.ordinal NULLS LAST, o.started_at) AS line, count(*) OVER () AS lines
        FROM automations.recorded_steps o
        WHERE o.execution_id = nodes_executed.execution_id AND o.status <> 'cancelled'
    ) s
    LEFT JOIN cut c ON c.node_id = s.node_id AND c.place = s.place AND c.run = s.run
    WHERE s.lines <= 10001 OR s.line <= 5001 OR s.line > s.lines - 5000
$$;
