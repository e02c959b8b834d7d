-- Local to the transaction, for the tenant's next statements: the owner in the request's claims as PostgREST sets them, the
-- execution that acts, and how long they may wait and take. Part of the statement that asks: the body is an expression.
CREATE FUNCTION automations.act_for(
    tenant_role text, account_id uuid, execution_id uuid, depth smallint, lock_timeout_ms bigint,
    statement_timeout_ms bigint)
RETURNS text[]
LANGUAGE sql
RETURN ARRAY[
    set_config('request.jwt.claims', jsonb_build_object('sub', account_id, 'role', tenant_role)::text, true),
    set_config('automations.execution_id', execution_id::text, true),
    set_config('automations.depth', depth::text, true),
    set_config('lock_timeout', lock_timeout_ms::text, true),
    set_config('statement_timeout', statement_timeout_ms::text, true)];
