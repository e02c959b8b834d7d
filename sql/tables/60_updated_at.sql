-- updated_at marks edits by people: statistics and the machinery's own columns do not touch it. The function is
-- the application's; it is made only where it is missing.
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
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
