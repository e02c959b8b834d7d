-- Starts the automations that listen to an emitted event, once each; called with the event's row locked, in the
-- transaction that says that it was delivered. Waits for nobody: an automation that somebody has locked is an error, and
-- the event is delivered later. One that is switched off or goes meanwhile does not hear it. What it starts was caused by
-- what emitted the event, as deep in the chain.
CREATE FUNCTION automations.start_listeners(event_id uuid, data jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    l record;
BEGIN
    FOR l IN
        SELECT x.automation_id, e.caused_by, e.depth
          FROM public.automation_events e
          JOIN automations.event_listeners x ON x.account_id = e.account_id AND x.event = e.event
         WHERE e.id = event_id AND automations.event_fires(x.conditions, data)
         ORDER BY x.automation_id
    LOOP
        PERFORM FROM public.automations a
          WHERE a.id = l.automation_id AND a.enabled AND a.status IN ('active', 'error')
            FOR KEY SHARE NOWAIT;
        IF FOUND THEN
            PERFORM automations.start_execution(
                l.automation_id, data, false, NULL, NULL, NULL, 'event', l.caused_by, l.depth);
        END IF;
    END LOOP;
END
$$;
