-- A version is what an execution pinned: it may go with its automation, and never change.
CREATE OR REPLACE FUNCTION automations.keep_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'version % of automation % is immutable', OLD.version, OLD.automation_id
        USING ERRCODE = 'restrict_violation', HINT = 'Save the automation: that makes a new version.';
END
$$;
REVOKE ALL ON FUNCTION automations.keep_version() FROM PUBLIC;
CREATE OR REPLACE TRIGGER version_is_immutable BEFORE UPDATE ON public.automation_versions
    FOR EACH ROW EXECUTE FUNCTION automations.keep_version();
