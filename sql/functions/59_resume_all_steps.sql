-- Resumes every step of an execution that waits for an outside resume, each as resume_step() does. Called with the rights
-- of the tables' owner by a caller to whom the execution was visible.
CREATE FUNCTION automations.resume_all_steps(execution_id uuid, payload jsonb, outcome text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting record;
    any_of_them boolean := false;
BEGIN
    FOR waiting IN
        SELECT w.step_key, EXISTS (
            SELECT FROM automations.steps s
            WHERE s.execution_id = w.execution_id AND s.idempotency_key = w.step_key
              AND s.node_type = 'logic-approval') AS is_approval
        FROM automations.waits w
        WHERE w.execution_id = resume_all_steps.execution_id AND w.kind = 'resume' AND w.came IS NULL
        ORDER BY w.step_key
    LOOP
        any_of_them := automations.resume_step(
            execution_id, waiting.step_key, waiting.is_approval, payload, outcome) OR any_of_them;
    END LOOP;
    RETURN any_of_them;
END
$$;
