-- The version of an automation's graph as it is now: the current one or the newest where nothing has changed since,
-- else a new one. How a test run pins a draft: nobody listens by it, and it does not become the automation's own
-- version, which only publishing gives.
CREATE FUNCTION automations.snapshot(automation_id uuid)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a public.automations;
    config jsonb;
    newest integer;
    pinned integer;
BEGIN
    -- two test runs of one draft at once: the second waits here and finds the first one's version
    SELECT * INTO a FROM public.automations t WHERE t.id = snapshot.automation_id FOR NO KEY UPDATE;
    config := automations.resolve_trigger(a.trigger_type, a.trigger_config, a.nodes);
    SELECT max(v.version) INTO newest FROM public.automation_versions v WHERE v.automation_id = a.id;
    SELECT max(v.version) INTO pinned FROM public.automation_versions v
    WHERE v.automation_id = a.id AND v.version IN (a.version, newest) AND v.account_id = a.user_id
      AND (v.trigger_type, v.trigger_config, v.nodes, v.edges, v.options)
        = (a.trigger_type, config, a.nodes, a.edges, a.options);
    IF pinned IS NULL THEN
        INSERT INTO public.automation_versions (automation_id, version, account_id, name, trigger_type,
            trigger_config, nodes, edges, options, note, created_by)
        VALUES (a.id, coalesce(newest, 0) + 1, a.user_id, a.name, a.trigger_type, config, a.nodes, a.edges, a.options,
                'test run', automations.claimed_user())
        RETURNING version INTO pinned;
    END IF;
    RETURN pinned;
END
$$;
