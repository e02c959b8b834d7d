-- The version of an automation's graph as it is now: the newest where nothing has changed since, else a new one.
-- How a test run pins a draft; nobody listens by it and nothing is published.
CREATE FUNCTION automations.snapshot(automation_id uuid)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a public.automations;
    newest public.automation_versions;
BEGIN
    -- two test runs of one draft at once: the second waits here and finds the first one's version
    SELECT * INTO a FROM public.automations t WHERE t.id = snapshot.automation_id FOR NO KEY UPDATE;
    SELECT * INTO newest FROM public.automation_versions v
    WHERE v.automation_id = a.id ORDER BY v.version DESC LIMIT 1;
    IF newest.version IS NOT NULL AND newest.nodes = a.nodes AND newest.edges = a.edges
        AND newest.trigger_type = a.trigger_type AND newest.options = a.options THEN
        RETURN newest.version;
    END IF;
    INSERT INTO public.automation_versions (
        automation_id, version, account_id, name, trigger_type, trigger_config, nodes, edges, options, note,
        created_by)
    VALUES (a.id, coalesce(newest.version, 0) + 1, a.user_id, a.name, a.trigger_type, a.trigger_config, a.nodes,
            a.edges, a.options, 'test run', automations.claimed_user());
    RETURN coalesce(newest.version, 0) + 1;
END
$$;
