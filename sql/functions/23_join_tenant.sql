-- Makes automations_daemon a member of the tenant role, so that database nodes can act as the tenant. Refuses a
-- role that could do more than a tenant may (D9). A caller who may not grant it is told what to ask for.
CREATE FUNCTION automations.join_tenant(tenant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role record;
BEGIN
    SELECT r.* INTO role FROM pg_roles r WHERE r.rolname = tenant;
    IF NOT FOUND THEN
        RAISE WARNING 'there is no role % yet: database nodes cannot act until it exists and install() is called '
                      'again', tenant;
        RETURN;
    END IF;
    IF automations.sees_past_policies(role.rolname) THEN
        RAISE EXCEPTION 'role % cannot be the tenant role: it is, or is a member of, a superuser, one that bypasses '
                        'row level security, automations_daemon or a predefined role', tenant
            USING ERRCODE = 'invalid_role_specification';
    END IF;
    IF EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = role.oid
                  AND m.member = 'automations_daemon'::regrole) THEN
        RETURN;
    END IF;
    BEGIN
        IF current_setting('server_version_num')::integer >= 160000 THEN
            EXECUTE format('GRANT %I TO automations_daemon WITH INHERIT FALSE, SET TRUE', tenant);
        ELSE
            EXECUTE format('GRANT %I TO automations_daemon', tenant);
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'database nodes cannot act until a superuser runs: GRANT % TO automations_daemon;',
            quote_ident(tenant);
    END;
END
$$;
