-- Between database nodes that share a transaction as a tenant, called before each of them acts: whatever a trigger of the
-- application changed while another one acted, this one acts in the tenant's role (or it is an error, as leave_tenant() has it),
-- with the owner's claims, for its own execution, and with the limits that become_tenant() was given.
CREATE FUNCTION automations.next_of_tenant(
    tenant_role text, account_id uuid, execution_id uuid, depth smallint, lock_timeout_ms bigint,
    statement_timeout_ms bigint)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'next_of_tenant_wrapper';
