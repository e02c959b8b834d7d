-- For an application that attaches a row trigger of its own: queues what capture() would queue. On a table that
-- is captured already it does nothing, so nothing runs twice. SECURITY DEFINER: who writes leads may not call it.
CREATE OR REPLACE FUNCTION public.fire_lead_automations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM automations.fire_row('lead', TG_RELID, TG_OP,
        CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END
$$;
