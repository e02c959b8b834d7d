-- Between database nodes that share a transaction as a tenant, called before each of them acts: whatever a trigger of the
-- application changed while another one acted, this one acts in the tenant's role, with the owner's claims, for its own
-- execution, and with the limits that become_tenant() was given.
CREATE FUNCTION automations.next_of_tenant(
    tenant_role text, account_id uuid, execution_id uuid, depth smallint, lock_timeout_ms bigint,
    statement_timeout_ms bigint)
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
    PERFORM set_config('request.jwt.claims', jsonb_build_object('sub', account_id, 'role', tenant_role)::text, true),
            set_config('automations.execution_id', execution_id::text, true),
            set_config('automations.depth', depth::text, true),
            set_config('lock_timeout', lock_timeout_ms::text, true),
            set_config('statement_timeout', statement_timeout_ms::text, true);
END
$$;
