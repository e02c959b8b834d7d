-- updated_at marks edits by people: statistics and the machinery's own columns do not touch it, nor does the error
-- limit, which is known by the reason that it gives. The function is the application's; it is made only where it is
-- missing.
DO $do$
BEGIN
    IF to_regprocedure('public.update_updated_at_column()') IS NULL THEN
        CREATE FUNCTION public.update_updated_at_column() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            NEW.updated_at := now();
            RETURN NEW;
        END
        $$;
    END IF;
END
$do$;
CREATE OR REPLACE TRIGGER update_automations_updated_at
    BEFORE UPDATE OF agent_id, user_id, name, description, icon, color, status, enabled, trigger_type,
        trigger_config, nodes, edges, viewport, options ON public.automations
    FOR EACH ROW
    WHEN (NOT (OLD.status = 'active' AND NEW.status = 'error' AND NEW.status_reason LIKE 'error_limit:%'))
    EXECUTE FUNCTION public.update_updated_at_column();
