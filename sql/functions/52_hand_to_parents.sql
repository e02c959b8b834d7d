-- Hands the ends of executions to those that started them and wait: status, output and error. Once, because whoever
-- writes `came` first has decided; a timeout that has passed is not overtaken.
CREATE FUNCTION automations.hand_to_parents(children uuid[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    parents uuid[];
BEGIN
    WITH waiting AS MATERIALIZED (
        SELECT w.execution_id, w.step_key, w.child_id FROM automations.waits w
        WHERE w.child_id = ANY (children) AND w.kind = 'child' AND w.came IS NULL
          AND (w.wake_at IS NULL OR w.wake_at > clock_timestamp())
          AND EXISTS (SELECT FROM public.automation_executions e
                       WHERE e.id = w.execution_id AND e.status IN ('pending', 'running', 'waiting'))
        ORDER BY w.execution_id, w.step_key FOR UPDATE
    ), handed AS (
        UPDATE automations.waits w
        SET came = 'child', came_at = clock_timestamp(),
            payload = coalesce((
                SELECT jsonb_build_object('execution_id', e.id, 'status', e.status, 'output', e.output,
                    'error', e.error, 'error_code', e.error_code)
                FROM public.automation_executions e WHERE e.id = w.child_id),
                jsonb_build_object('execution_id', w.child_id, 'status', 'cancelled', 'output', NULL,
                    'error', 'the execution was deleted', 'error_code', NULL))
        FROM waiting x WHERE w.execution_id = x.execution_id AND w.step_key = x.step_key
        RETURNING w.execution_id
    )
    SELECT array_agg(DISTINCT h.execution_id) INTO parents FROM handed h;
    IF parents IS NOT NULL THEN
        PERFORM automations.wake_waiting(parents);
    END IF;
END
$$;
