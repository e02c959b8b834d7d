-- Ends what become_tenant began. Before it come the tenant's statements and SET CONSTRAINTS ALL IMMEDIATE.
CREATE FUNCTION automations.leave_tenant(tenant_role text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    done text;
BEGIN
    PERFORM automations.must_be_tenant(tenant_role);
    done := set_config('role', 'automations_daemon', true);
END
$$;
