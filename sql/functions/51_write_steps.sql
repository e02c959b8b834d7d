-- Writes step rows of executions that the caller holds by their lease: lists[places[i]], or lists[i] without places, is the
-- list of steps of ids[i], or a result that holds it as `steps` beside `nodes_executed`. A step is an object with the columns
-- of automations.steps (whose account and execution it may not choose); one with a `line` is completed by that line of
-- nodes_executed (whole_step). A step that has completed is never changed. Returns how many completed now. In plpgsql,
-- which keeps the plan: a function in SQL would be planned at each call.
CREATE FUNCTION automations.write_steps(
    account_ids uuid[], ids uuid[], lists jsonb, places integer[] DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    completed bigint;
BEGIN
    WITH written AS (
        INSERT INTO automations.steps AS s (
            execution_id, account_id, node_id, place, run, attempt, node_type, label, status, ordinal, outcome, input,
            output, error, variables, warnings, idempotency_key, wake_at, started_at, completed_at, duration_ms,
            began_after, format)
        -- the last word about a step counts where one list names it twice (started, then completed)
        SELECT DISTINCT ON (e.id, n.node_id, coalesce(n.place, '[]'), n.run)
               e.id, e.account_id, n.node_id, coalesce(n.place, '[]'), n.run, coalesce(n.attempt, 1), n.node_type,
               n.label, n.status, n.ordinal, n.outcome, n.input, n.output, n.error, n.variables, n.warnings,
               n.idempotency_key,
               -- a daemon says in how many milliseconds: its clock is never compared with this one
               coalesce(n.wake_at, automations.in_milliseconds(n.wake_in_ms)),
               coalesce(n.started_at, clock_timestamp()), n.completed_at,
               CASE WHEN n.duration_ms > 2147483647 THEN 2147483647 ELSE n.duration_ms END::integer,
               n.began_after, coalesce(n.format, 1)
        FROM unnest(account_ids, ids, places) WITH ORDINALITY AS e (account_id, id, place, n)
        CROSS JOIN LATERAL (
            SELECT write_steps.lists -> (coalesce(e.place, e.n::integer) - 1) AS list OFFSET 0) g
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(g.list) WHEN 'array' THEN g.list
                 WHEN 'object' THEN coalesce(nullif(g.list -> 'steps', 'null'), '[]')
                 ELSE '[]' END) WITH ORDINALITY AS l (step, position)
        CROSS JOIN LATERAL jsonb_to_record(automations.whole_step(l.step, g.list)) AS n (
            node_id text, place text, run integer, attempt integer, node_type text, label text, status text,
            ordinal integer, outcome jsonb, input jsonb, output jsonb, error jsonb, variables jsonb, warnings jsonb,
            idempotency_key uuid, wake_at timestamptz, wake_in_ms numeric, started_at timestamptz,
            completed_at timestamptz, duration_ms numeric, began_after integer, format smallint)
        ORDER BY e.id, n.node_id, coalesce(n.place, '[]'), n.run, l.position DESC
        ON CONFLICT (execution_id, node_id, place, run) DO UPDATE SET
            attempt = excluded.attempt, node_type = excluded.node_type, label = excluded.label,
            status = excluded.status, ordinal = excluded.ordinal, outcome = excluded.outcome, input = excluded.input,
            output = excluded.output, error = excluded.error, variables = excluded.variables,
            warnings = excluded.warnings, idempotency_key = excluded.idempotency_key, wake_at = excluded.wake_at,
            started_at = excluded.started_at, completed_at = excluded.completed_at,
            duration_ms = excluded.duration_ms, began_after = excluded.began_after, format = excluded.format
        WHERE s.status IN ('started', 'parked')
        RETURNING s.status
    )
    SELECT count(*) FILTER (WHERE w.status NOT IN ('started', 'parked', 'cancelled')) INTO completed FROM written w;
    RETURN completed;
END
$$;
