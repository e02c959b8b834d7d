-- A trigger of the application that changed the role (set_config('role', 'none') gives back the daemon's login) would have the
-- rest of the transaction run with rights that it must not have: it fails instead.
CREATE FUNCTION automations.must_be_tenant(tenant_role text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_user <> tenant_role THEN
        RAISE EXCEPTION 'the role was changed to % while acting as %', quote_ident(current_user),
            quote_ident(tenant_role) USING ERRCODE = 'insufficient_privilege',
            HINT = 'A trigger or function of the application sets the role.';
    END IF;
END
$$;
