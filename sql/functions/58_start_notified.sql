-- Starts an execution for a notification that an application sent itself on `automation_trigger` (CONTRACT section 5).
-- Every daemon that accepts those hears it; the one that leads, or takes the lead because nobody has it, does it, and the
-- others are told that they do not. The lead lasts ten seconds beyond the last notification: longer than any other daemon
-- takes to ask about the same one.
CREATE FUNCTION automations.start_notified(
    daemon uuid, automation_id uuid, trigger_data jsonb, OUT leads boolean, OUT execution_id uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    INSERT INTO automations.leaders AS l (task, daemon, until)
    VALUES ('notified', start_notified.daemon, clock_timestamp() + interval '10 seconds')
    ON CONFLICT (task) DO UPDATE SET daemon = excluded.daemon, until = excluded.until
     WHERE l.daemon = excluded.daemon OR l.until < clock_timestamp();
    leads := FOUND;
    IF leads THEN
        execution_id := automations.start_execution(start_notified.automation_id, start_notified.trigger_data, false,
            NULL, NULL, NULL,
            coalesce((SELECT a.trigger_type FROM public.automations a WHERE a.id = start_notified.automation_id), 'manual'));
    END IF;
END
$$;
