-- What a person is shown of the step that a token names, whose signature the daemon has checked: whether it can still be
-- resumed, by the same rules as resume_step(), and what an approval asks. One row, whatever there is.
CREATE FUNCTION automations.waiting_step(
    execution_id uuid, step_key uuid, OUT is_open boolean, OUT message text, OUT label text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(e.status IN ('pending', 'running', 'waiting')
               AND (s.status IN ('completed', 'failed', 'skipped', 'cancelled')) IS NOT TRUE
               AND (w.execution_id IS NULL
                    OR w.came IS NULL AND w.kind = 'resume'
                       AND (w.wake_at <= clock_timestamp()) IS NOT TRUE), false),
           CASE WHEN s.node_type = 'logic-approval' AND s.status = 'parked' THEN s.output ->> 'message' END,
           nullif(s.label, '')
      FROM (VALUES (1)) AS always
      LEFT JOIN public.automation_executions e ON e.id = waiting_step.execution_id
      LEFT JOIN automations.steps s ON s.execution_id = e.id AND s.idempotency_key = waiting_step.step_key
      LEFT JOIN automations.waits w ON w.execution_id = e.id AND w.step_key = waiting_step.step_key
     LIMIT 1
$$;
