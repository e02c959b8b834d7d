-- A key that was revoked stays so, whoever writes.
CREATE OR REPLACE FUNCTION automations.revoked_key_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.revoked_at := OLD.revoked_at;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION automations.revoked_key_stays() FROM PUBLIC;
CREATE OR REPLACE TRIGGER revoked_key_stays BEFORE UPDATE ON public.automation_api_keys
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION automations.revoked_key_stays();
