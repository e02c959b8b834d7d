-- Adds what a daemon counted: calls of each webhook since it last said so, and how many milliseconds ago the last was.
CREATE FUNCTION automations.count_webhook_calls(automation_ids uuid[], calls bigint[], ago_ms bigint[])
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO automations.webhook_calls AS w (account_id, automation_id, calls, last_called_at)
    SELECT a.user_id, c.automation_id, c.calls, clock_timestamp() - c.ago_ms * interval '1 millisecond'
      FROM unnest(automation_ids, calls, ago_ms) AS c (automation_id, calls, ago_ms)
      JOIN public.automations a ON a.id = c.automation_id
     ORDER BY c.automation_id
    ON CONFLICT (automation_id) DO UPDATE
       SET calls = w.calls + excluded.calls, last_called_at = greatest(w.last_called_at, excluded.last_called_at)
$$;
