-- Locks automations in order to count into them, and returns those that it got. Two ends of executions at once are
-- over in a moment, so a lock is waited for, but not longer than that: a person who edits, or an application that
-- leaves a transaction open, must not stall what has nothing to do with him.
CREATE OR REPLACE FUNCTION automations.lock_to_count(wanted uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
    got uuid[] := ARRAY(
        SELECT a.id FROM public.automations a WHERE a.id = ANY (wanted) ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
    IF cardinality(got) < cardinality(wanted) THEN
        BEGIN
            RETURN ARRAY(
                SELECT a.id FROM public.automations a WHERE a.id = ANY (wanted) ORDER BY a.id FOR NO KEY UPDATE);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END IF;
    RETURN got;
END
$$;
REVOKE ALL ON FUNCTION automations.lock_to_count(uuid[]) FROM PUBLIC;
