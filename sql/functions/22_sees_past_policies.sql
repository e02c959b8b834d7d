-- Could a role, or one that it is a member of, do what no tenant may: a superuser, one that bypasses row level
-- security, the daemon, or a predefined one such as pg_execute_server_program? Membership counts at any distance: the
-- daemon, who acts as the tenant, could become each of them.
CREATE FUNCTION automations.sees_past_policies(tenant name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_roles r
         WHERE pg_has_role(tenant, r.oid, 'MEMBER')
           AND (r.rolsuper OR r.rolbypassrls OR r.rolname = 'automations_daemon'
                OR (r.rolname LIKE 'pg\_%' AND r.rolname <> 'pg_database_owner')))
$$;
