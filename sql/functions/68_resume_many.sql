-- Resumes what waits for an outside resume in the executions that a filter means (matching_executions); by what the
-- caller sees, not by a token. An approval needs an outcome and a wait takes none: the others are refused, one row for
-- each, and keep no other from being resumed.
CREATE FUNCTION automations.resume_many(automation_id uuid, filter jsonb DEFAULT '{}', payload jsonb DEFAULT '{}',
    outcome text DEFAULT NULL, most integer DEFAULT 1000)
RETURNS TABLE (execution_id uuid, done boolean, message text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT m.id FROM automations.matching_executions(
        automation_id, filter, most, ARRAY['waiting'], ARRAY['pending', 'running', 'waiting']) m);
BEGIN
    FOREACH execution_id IN ARRAY ids LOOP
        BEGIN
            done := automations.resume_waiting(execution_id, payload, outcome);
            message := CASE WHEN NOT done THEN 'nothing in it waits to be resumed' END;
        EXCEPTION WHEN OTHERS THEN
            done := false;
            message := SQLERRM;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
