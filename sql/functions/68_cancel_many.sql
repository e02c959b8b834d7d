-- Cancels the executions that a filter means (matching_executions), each as cancel() does; those that have not ended
-- where it names no status. One row for each: what is refused or locked by somebody keeps no other from being cancelled.
CREATE FUNCTION automations.cancel_many(automation_id uuid, filter jsonb DEFAULT '{}', most integer DEFAULT 1000)
RETURNS TABLE (execution_id uuid, done boolean, message text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    open constant text[] := ARRAY['pending', 'running', 'waiting'];
    ids uuid[] := ARRAY(SELECT m.id FROM automations.matching_executions(automation_id, filter, most, open, open) m);
BEGIN
    FOREACH execution_id IN ARRAY ids LOOP
        BEGIN
            done := automations.cancel(execution_id);
            message := CASE WHEN NOT done THEN 'it has ended meanwhile' END;
        EXCEPTION WHEN OTHERS THEN
            done := false;
            message := SQLERRM;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
