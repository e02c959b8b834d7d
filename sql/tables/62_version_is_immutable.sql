-- A version is what an execution pinned: it may go with its automation, and never change. Only its account follows the
-- automation to another owner, by the foreign key.
CREATE OR REPLACE FUNCTION automations.keep_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'version % of automation % is immutable', OLD.version, OLD.automation_id
        USING ERRCODE = 'restrict_violation', HINT = 'Save the automation: that makes a new version.';
END
$$;
REVOKE ALL ON FUNCTION automations.keep_version() FROM PUBLIC;
CREATE OR REPLACE TRIGGER version_is_immutable BEFORE UPDATE ON public.automation_versions
    FOR EACH ROW WHEN (
        (OLD.automation_id, OLD.version, OLD.name, OLD.trigger_type, OLD.trigger_config, OLD.nodes, OLD.edges,
         OLD.options, OLD.note, OLD.created_by, OLD.created_at)
        IS DISTINCT FROM
        (NEW.automation_id, NEW.version, NEW.name, NEW.trigger_type, NEW.trigger_config, NEW.nodes, NEW.edges,
         NEW.options, NEW.note, NEW.created_by, NEW.created_at)
        OR OLD.account_id = NEW.account_id)
    EXECUTE FUNCTION automations.keep_version();
