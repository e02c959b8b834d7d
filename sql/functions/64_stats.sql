-- How an automation has done lately: executions that began within `since`, test runs left out. Durations are in
-- milliseconds, of those that completed or failed; the success rate is completed of completed and failed, null
-- where there is neither. Row level security decides what the caller can count.
CREATE FUNCTION automations.stats(automation_id uuid, since interval DEFAULT '30 days')
RETURNS TABLE (
    total bigint, pending bigint, running bigint, waiting bigint, completed bigint, failed bigint, cancelled bigint,
    success_rate double precision, p50_ms double precision, p95_ms double precision, p99_ms double precision,
    last_error text, last_error_code text, last_error_at timestamptz
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH recent AS MATERIALIZED (
        SELECT e.status, e.duration_ms, e.error, e.error_code, e.completed_at
        FROM public.automation_executions e
        WHERE e.automation_id = stats.automation_id AND NOT e.test_mode
          AND e.started_at >= now() - stats.since
    ), last AS (
        SELECT r.error, r.error_code, r.completed_at FROM recent r
        WHERE r.status = 'failed' ORDER BY r.completed_at DESC NULLS LAST LIMIT 1
    )
    SELECT count(*),
           count(*) FILTER (WHERE r.status = 'pending'), count(*) FILTER (WHERE r.status = 'running'),
           count(*) FILTER (WHERE r.status = 'waiting'), count(*) FILTER (WHERE r.status = 'completed'),
           count(*) FILTER (WHERE r.status = 'failed'), count(*) FILTER (WHERE r.status = 'cancelled'),
           count(*) FILTER (WHERE r.status = 'completed')::double precision
               / nullif(count(*) FILTER (WHERE r.status IN ('completed', 'failed')), 0),
           percentile_cont(0.50) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status IN ('completed', 'failed')),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status IN ('completed', 'failed')),
           percentile_cont(0.99) WITHIN GROUP (ORDER BY r.duration_ms) FILTER (WHERE r.status IN ('completed', 'failed')),
           (SELECT l.error FROM last l), (SELECT l.error_code FROM last l), (SELECT l.completed_at FROM last l)
    FROM recent r
$$;
