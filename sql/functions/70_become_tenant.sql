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
    tenant text;
    is_there boolean;
    is_more boolean;
    done text[];
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
    -- assigned: a statement would have to be set up
    done := automations.act_for(tenant, account_id, execution_id, depth, lock_timeout_ms, statement_timeout_ms)
        || set_config('role', tenant, true);
    RETURN tenant;
END
$$;
