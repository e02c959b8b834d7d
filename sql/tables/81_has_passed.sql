-- Has an execution passed its limit? The limits of cleanup_old_executions(), in one place. Rows from before
-- completed_at was always written count from when they started.
CREATE OR REPLACE FUNCTION automations.has_passed(
    status text, started_at timestamptz, completed_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN status IN ('completed', 'cancelled') THEN coalesce(completed_at, started_at) < now() - interval '30 days'
        WHEN status = 'failed' THEN coalesce(completed_at, started_at) < now() - interval '7 days'
        ELSE false
    END
$$;
REVOKE ALL ON FUNCTION automations.has_passed(text, timestamptz, timestamptz) FROM PUBLIC;
