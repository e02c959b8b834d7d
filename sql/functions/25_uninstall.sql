-- Undoes install(): takes the triggers off all tables and drops what install() made, ** with all automations and
-- their history **. The application's own tables, roles and update_updated_at_column() stay.
-- What else depends on the tables makes it fail, and then nothing has happened.
CREATE FUNCTION automations.uninstall() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT DISTINCT g.tgname, g.tgrelid::regclass AS tab FROM pg_trigger g
                 WHERE g.tgfoid = 'automations.capture()'::regprocedure
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', item.tgname, item.tab);
    END LOOP;
    IF to_regclass('cron.job') IS NOT NULL AND has_schema_privilege('cron', 'USAGE') THEN
        PERFORM cron.unschedule(j.jobid) FROM cron.job j WHERE j.jobname = 'automations-cleanup';
    END IF;
    DROP VIEW IF EXISTS automations.pending, automations.recorded_steps;
    -- it returns a row of the executions and would hold their table
    DROP FUNCTION IF EXISTS automations.wait(uuid, interval);
    DROP TABLE IF EXISTS public.automation_executions, public.automation_versions, public.automation_accounts,
        automations.listeners, automations.queue, automations.parked, automations.steps, automations.missed,
        automations.uncounted, automations.execution_keys, automations.waits, public.automation_events,
        automations.event_listeners, automations.leaders, automations.webhooks, automations.webhook_calls, automations.account_names,
        public.automation_api_keys, automations.tools,
        automations.limits, automations.in_flight, automations.claims, automations.debounced,
        automations.entered,
        automations.schedules, automations.token_secret, automations.sources, automations.schema_version,
        automations.settings, public.automations;
    FOR item IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc p
         WHERE (p.pronamespace = 'automations'::regnamespace
                AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                                   AND d.deptype = 'e'))
            OR (p.pronamespace = 'public'::regnamespace AND p.pronargs = 0 AND p.proname IN (
                'fire_lead_automations', 'fire_conversation_automations', 'update_automation_stats',
                'cleanup_old_executions'))
    LOOP
        EXECUTE format('DROP FUNCTION %s', item.signature);
    END LOOP;
END
$$;
