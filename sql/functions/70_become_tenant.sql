-- Makes the rest of the daemon's transaction that of a tenant: the application's own role for signed-in users (tenant_role()), with
-- the automation's owner in the request's claims as PostgREST sets them, so that the application's row level
-- security decides. Everything is local to the transaction. Returns the role, for leave_tenant and last_of_tenant to compare with.
-- lock_timeout_ms stays below deadlock_timeout, so that the daemon gives way and the application is never the victim.
CREATE FUNCTION automations.become_tenant(
    account_id uuid, execution_id uuid, depth smallint, lock_timeout_ms bigint, statement_timeout_ms bigint)
RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'become_tenant_wrapper';
