-- Locks automations in order to count into them, and returns those that it got. Where one execution ends, a lock is waited
-- for: the end of another one is over in a moment. But not longer than that: a person who edits, or an application that
-- leaves a transaction open, must not stall what has nothing to do with him. Groups wait for nobody: two groups of one
-- automation at once would take turns up to the disk and back, and whoever ends many counts the rest later.
DROP FUNCTION IF EXISTS automations.lock_to_count(uuid[]);
CREATE OR REPLACE FUNCTION automations.lock_to_count(wanted uuid[], waits boolean) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
    got uuid[] := ARRAY(
        SELECT a.id FROM public.automations a WHERE a.id = ANY (wanted) ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
    IF waits AND cardinality(got) < cardinality(wanted) THEN
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
REVOKE ALL ON FUNCTION automations.lock_to_count(uuid[], boolean) FROM PUBLIC;
