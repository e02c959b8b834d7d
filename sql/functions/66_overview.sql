-- The statistics of every automation that the caller may see, the busiest first.
CREATE FUNCTION automations.overview(since interval DEFAULT '30 days')
RETURNS TABLE (
    automation_id uuid, name text, status text, enabled boolean, total bigint, pending bigint, running bigint,
    waiting bigint, completed bigint, failed bigint, cancelled bigint, success_rate double precision,
    p50_ms double precision, p95_ms double precision, p99_ms double precision, last_error text,
    last_error_code text, last_error_at timestamptz, last_executed_at timestamptz
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.id, a.name, a.status, a.enabled, s.total, s.pending, s.running, s.waiting, s.completed, s.failed,
           s.cancelled, s.success_rate, s.p50_ms, s.p95_ms, s.p99_ms, s.last_error, s.last_error_code,
           s.last_error_at, a.last_executed_at
    FROM public.automations a
    CROSS JOIN LATERAL automations.stats(a.id, overview.since) s
    ORDER BY s.total DESC, a.name, a.id
$$;
