-- Who sets an automation active begins again: no failures in a row, and no reason for a status that is over. Before the
-- check by its name, so that what is refused was not changed either way.
CREATE OR REPLACE FUNCTION automations.forget_failures() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.status_reason := NULL;
    NEW.failures_in_a_row := 0;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION automations.forget_failures() FROM PUBLIC;
CREATE OR REPLACE TRIGGER active_again BEFORE UPDATE OF status ON public.automations
    FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (NEW.status = 'active' OR OLD.status = 'error'))
    EXECUTE FUNCTION automations.forget_failures();
