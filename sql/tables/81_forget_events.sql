-- Deletes emitted events that are older than the setting `event_days`, in batches. One that came to a step which has not
-- taken it yet, or that nobody has delivered, is kept.
CREATE OR REPLACE FUNCTION automations.forget_events() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    days integer := coalesce(
        (SELECT (s.value #>> '{}')::integer FROM automations.settings s WHERE s.name = 'event_days'), 30);
    gone integer := 0;
    batch integer;
BEGIN
    LOOP
        WITH old AS MATERIALIZED (
            SELECT e.id FROM public.automation_events e
             WHERE e.emitted_at < now() - days * interval '1 day' AND e.delivered_at IS NOT NULL
               AND NOT EXISTS (SELECT FROM automations.waits w WHERE w.came IS NOT NULL AND w.event_id = e.id)
             ORDER BY e.emitted_at LIMIT 1000
               FOR UPDATE SKIP LOCKED)
        DELETE FROM public.automation_events e USING old o WHERE e.id = o.id;
        GET DIAGNOSTICS batch = ROW_COUNT;
        gone := gone + batch;
        EXIT WHEN batch < 1000;
    END LOOP;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION automations.forget_events() FROM PUBLIC;
