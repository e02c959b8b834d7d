-- The recorded steps of executions, wherever they are: rows of automations.steps, or, of an execution that ended with its
-- first write, in its row (DESIGN D6; docs/decisions/steps_in_the_row.md). What they are beside nodes_executed is completed
-- by its lines, as write_steps() does it.
CREATE OR REPLACE VIEW automations.recorded_steps WITH (security_invoker = true) AS
    SELECT s.execution_id, s.account_id, s.node_id, s.place, s.run, s.attempt, s.node_type, s.label, s.status, s.ordinal,
           s.outcome, s.input, s.output, s.error, s.variables, s.warnings, s.idempotency_key, s.wake_at, s.started_at,
           s.completed_at, s.duration_ms, s.began_after, s.format
      FROM automations.steps s
    UNION ALL
    SELECT e.id, e.account_id, n.node_id, n.place, n.run, n.attempt, n.node_type, n.label, n.status, n.ordinal,
           n.outcome, n.input, n.output, n.error, n.variables, n.warnings, n.idempotency_key, NULL::timestamptz,
           coalesce(n.started_at, e.started_at), n.completed_at,
           CASE WHEN n.duration_ms > 2147483647 THEN 2147483647 ELSE n.duration_ms END::integer,
           n.began_after, n.format
      FROM public.automation_executions e
     CROSS JOIN LATERAL (
        -- the last word about a step counts
        SELECT DISTINCT ON (r.node_id, coalesce(r.place, '[]'), r.run)
               r.node_id, coalesce(r.place, '[]') AS place, r.run, coalesce(r.attempt, 1) AS attempt, r.node_type, r.label,
               r.status, r.ordinal, r.outcome, r.input, r.output, r.error, r.variables, r.warnings, r.idempotency_key,
               r.started_at, r.completed_at, r.duration_ms, r.began_after, coalesce(r.format, 1::smallint) AS format
          FROM jsonb_array_elements(e.steps) WITH ORDINALITY AS l (step, position)
         CROSS JOIN LATERAL jsonb_to_record(
                automations.whole_step(l.step, jsonb_build_object('nodes_executed', e.nodes_executed))) AS r (
                node_id text, place text, run integer, attempt integer, node_type text, label text, status text,
                ordinal integer, outcome jsonb, input jsonb, output jsonb, error jsonb, variables jsonb, warnings jsonb,
                idempotency_key uuid, started_at timestamptz, completed_at timestamptz, duration_ms numeric,
                began_after integer, format smallint)
         ORDER BY r.node_id, coalesce(r.place, '[]'), r.run, l.position DESC) n
     WHERE e.steps IS NOT NULL;
