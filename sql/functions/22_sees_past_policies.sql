-- Could a role, or one that it is a member of, do what no tenant may: a superuser, one that bypasses row level
-- security, the daemon, or a predefined one such as pg_execute_server_program? Membership counts at any distance: the
-- daemon, who acts as the tenant, could become each of them. In plpgsql, which keeps the plan: become_tenant asks it for
-- every database node.
CREATE FUNCTION automations.sees_past_policies(tenant name) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pg_roles r
         WHERE (r.rolsuper OR r.rolbypassrls OR r.rolname = 'automations_daemon'
                OR (r.rolname LIKE 'pg\_%' AND r.rolname <> 'pg_database_owner'))
           AND pg_has_role(tenant, r.oid, 'MEMBER'));
END
$$;
