-- The recorded steps of an execution, the completed ones first and in their order of completion: what a daemon
-- folds into the position when it takes over an execution. JSON as text. wake_in_ms: in how many milliseconds a
-- parked step is due, by this clock; zero or less: now. In plpgsql, which keeps the plan: a function in SQL would be
-- planned at each call, for all partitions.
CREATE FUNCTION automations.execution_steps(execution_id uuid)
RETURNS TABLE (
    node_id text, place text, run integer, attempt integer, node_type text, label text, status text,
    ordinal integer, outcome text, input text, output text, error text, variables text, warnings text,
    idempotency_key uuid, wake_at timestamptz, started_at timestamptz, completed_at timestamptz, duration_ms integer,
    wake_in_ms bigint, began_after integer, format smallint
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.node_id, s.place, s.run, s.attempt, s.node_type, s.label, s.status, s.ordinal, s.outcome::text,
           s.input::text, s.output::text, s.error::text, s.variables::text, s.warnings::text, s.idempotency_key,
           s.wake_at, s.started_at, s.completed_at, s.duration_ms,
           floor(extract(epoch FROM s.wake_at - clock_timestamp()) * 1000)::bigint, s.began_after, s.format
    FROM automations.recorded_steps s
    WHERE s.execution_id = execution_steps.execution_id
    ORDER BY s.ordinal NULLS LAST, s.started_at;
END
$$;
