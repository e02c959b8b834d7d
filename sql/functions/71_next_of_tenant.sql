-- Between database nodes that share a transaction as a tenant, called before each of them acts: whatever a trigger of the
-- application changed while another one acted, this one acts in the tenant's role (or it is an error, as leave_tenant() has it),
-- with the owner's claims, for its own execution, and with these limits (statement_timeout: from the next statement on, because one that
-- has begun keeps its own). Triggers that were deferred run before, in the name of the node before. Returns the account: as an argument
-- of what the node asks it is called in time.
CREATE FUNCTION automations.next_of_tenant(
    tenant_role text, account_id uuid, execution_id uuid, depth smallint, lock_timeout_ms bigint,
    statement_timeout_ms bigint)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'next_of_tenant_wrapper';
