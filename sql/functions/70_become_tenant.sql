-- Makes the rest of the daemon's transaction that of a tenant: the application's own role for signed-in users, with
-- the automation's owner in the request's claims as PostgREST sets them, so that the application's row level
-- security decides. Everything is local to the transaction. Returns the role, for leave_tenant to compare with.
-- lock_timeout_ms stays below deadlock_timeout, so that the daemon gives way and the application is never the victim.
CREATE FUNCTION automations.become_tenant(
    account_id uuid, execution_id uuid, depth smallint, lock_timeout_ms bigint, statement_timeout_ms bigint)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- there is only one plan
AS $$
DECLARE
    tenant text := (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'tenant_role');
    r record;
BEGIN
    SELECT p.rolname INTO r FROM pg_catalog.pg_roles p WHERE p.rolname = tenant;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant role % does not exist', quote_nullable(tenant) USING ERRCODE = 'undefined_object',
            HINT = 'Name it in automations.settings, tenant_role.';
    ELSIF automations.sees_past_policies(r.rolname) THEN
        RAISE EXCEPTION 'the tenant role % sees past row level security', quote_ident(tenant)
            USING ERRCODE = 'insufficient_privilege',
            HINT = 'Neither it nor a role that it is a member of may be a superuser, have BYPASSRLS, or be '
                   'automations_daemon or a predefined role.';
    END IF;
    PERFORM automations.act_for(tenant, account_id, execution_id, depth, lock_timeout_ms, statement_timeout_ms);
    PERFORM set_config('role', tenant, true);
    RETURN tenant;
END
$$;
