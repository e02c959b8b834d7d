-- The role that database nodes act as: the application's own for signed-in users. An error where it is not there, or may what no
-- tenant may. STABLE: it sees what its caller sees, who remembers what it says (extension/src/tenant/identity.rs).
CREATE FUNCTION automations.tenant_role()
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text;
    is_there boolean;
    is_more boolean;
BEGIN
    SELECT s.name, s.role IS NOT NULL,
           EXISTS (SELECT FROM automations.roles_past_policies() r WHERE pg_has_role(s.role, r, 'MEMBER'))
    INTO tenant, is_there, is_more
    FROM (SELECT s.value #>> '{}' AS name, to_regrole(quote_ident(s.value #>> '{}'))::oid AS role
          FROM automations.settings s WHERE s.name = 'tenant_role' OFFSET 0) s;
    IF is_there IS NOT TRUE THEN
        RAISE EXCEPTION 'the tenant role % does not exist', quote_nullable(tenant) USING ERRCODE = 'undefined_object',
            HINT = 'Name it in automations.settings, tenant_role.';
    ELSIF is_more THEN
        RAISE EXCEPTION 'the tenant role % sees past row level security', quote_ident(tenant)
            USING ERRCODE = 'insufficient_privilege',
            HINT = 'Neither it nor a role that it is a member of may be a superuser, have BYPASSRLS, or be '
                   'automations_daemon or a predefined role.';
    END IF;
    RETURN tenant;
END
$$;
