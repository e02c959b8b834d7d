-- The version of an automation's graph as it is now: the current one where nothing has changed since, else a new
-- one, which the triggers of a save write. How a test run pins a draft; nobody listens by a draft.
CREATE FUNCTION automations.snapshot(automation_id uuid)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pinned integer;
BEGIN
    -- two test runs of one draft at once: the second waits here and finds the first one's version
    PERFORM FROM public.automations a WHERE a.id = snapshot.automation_id FOR NO KEY UPDATE;
    SELECT v.version INTO pinned
    FROM public.automations a
    JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
    WHERE a.id = snapshot.automation_id
      AND (v.nodes, v.edges, v.trigger_type, v.options) = (a.nodes, a.edges, a.trigger_type, a.options)
      AND v.trigger_config = automations.resolve_trigger(a.trigger_type, a.trigger_config, a.nodes);
    IF NOT FOUND THEN
        -- asking for another number than the current one is how a save asks for a version of its own
        UPDATE public.automations a SET version = coalesce(a.version, 0) + 1
        WHERE a.id = snapshot.automation_id
        RETURNING a.version INTO pinned;
    END IF;
    RETURN pinned;
END
$$;
