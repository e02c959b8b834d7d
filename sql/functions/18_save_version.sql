-- Writes the version that check_automation() gave to an automation, if it is not there, who listens by it, its limit,
-- its webhook and its schedule.
-- Called with the rights of the tables' owner after each save that matters; also for automations from before.
CREATE FUNCTION automations.save_version(automation_id uuid, note text, created_by uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    a public.automations;
BEGIN
    SELECT * INTO a FROM public.automations t WHERE t.id = automation_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF a.version IS NOT NULL THEN
        INSERT INTO public.automation_versions (automation_id, version, account_id, name, trigger_type,
            trigger_config, nodes, edges, options, note, created_by)
        VALUES (a.id, a.version, a.user_id, a.name, a.trigger_type,
            automations.resolve_trigger(a.trigger_type, a.trigger_config, a.nodes), a.nodes, a.edges, a.options,
            note, created_by)
        ON CONFLICT ON CONSTRAINT automation_versions_pkey DO NOTHING;
    END IF;
    PERFORM automations.set_listeners(automation_id);
    PERFORM automations.set_event_listener(automation_id);
    PERFORM automations.set_limits(automation_id);
    PERFORM automations.set_webhook(automation_id);
    PERFORM automations.set_schedule(automation_id);
    PERFORM automations.set_tool(automation_id);
END
$$;
