-- Members of an account see what waits in its queue: automations.pending and queue_position() show it as the caller.
DROP POLICY IF EXISTS "Users can view what waits in their account" ON automations.queue;
CREATE POLICY "Users can view what waits in their account" ON automations.queue
    FOR SELECT USING (public.has_account_access(account_id));
DROP POLICY IF EXISTS "Users can view what waits in their account" ON automations.debounced;
CREATE POLICY "Users can view what waits in their account" ON automations.debounced
    FOR SELECT USING (public.has_account_access(account_id));
DO $$
DECLARE
    tenant text := (SELECT value #>> '{}' FROM automations.settings WHERE name = 'tenant_role');
BEGIN
    IF to_regrole(quote_ident(tenant)) IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON automations.queue, automations.debounced, automations.pending TO %I', tenant);
    END IF;
END
$$;
