-- The tenant role and the service role, where they exist: row level security decides which rows.
DO $$
DECLARE
    tenant text := (SELECT value #>> '{}' FROM automations.settings WHERE name = 'tenant_role');
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY[tenant, 'service_role'] LOOP
        CONTINUE WHEN to_regrole(quote_ident(role)) IS NULL;
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.automations TO %I', role);
        -- its policies ask this about the agent
        EXECUTE format('GRANT EXECUTE ON FUNCTION automations.has_agent_access(uuid) TO %I', role);
        EXECUTE format('GRANT SELECT, DELETE ON public.automation_executions TO %I', role);
        EXECUTE format('GRANT SELECT ON public.automation_versions, public.automation_events, automations.sources, automations.webhooks,
                        automations.webhook_calls, automations.account_names TO %I', role);
    END LOOP;
    -- keys are made by create_api_key() only, and the hash is for the daemon only: also where default privileges of the
    -- schema give more
    FOREACH role IN ARRAY ARRAY['anon', tenant, 'service_role'] LOOP
        CONTINUE WHEN to_regrole(quote_ident(role)) IS NULL;
        EXECUTE format('REVOKE ALL ON public.automation_api_keys FROM %I', role);
        CONTINUE WHEN role = 'anon';
        EXECUTE format('GRANT SELECT (id, account_id, agent_id, name, key_id, prefix, scopes, created_by, created_at,
            expires_at, last_used_at, revoked_at), UPDATE (name, revoked_at), DELETE
            ON public.automation_api_keys TO %I', role);
    END LOOP;
    IF to_regrole('service_role') IS NOT NULL THEN
        -- a back end that inserts executions as it did before may do so also where it does not bypass row level security
        GRANT INSERT, UPDATE ON public.automation_executions TO service_role;
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = 'public.automation_executions'::regclass
                          AND p.polname = 'the service role works for all accounts') THEN
            CREATE POLICY "the service role works for all accounts" ON public.automation_executions TO service_role
                USING (true) WITH CHECK (true);
        END IF;
        GRANT SELECT, INSERT, UPDATE, DELETE ON public.automation_accounts TO service_role;
        GRANT SELECT ON automations.pending, automations.queue, automations.debounced, automations.missed TO service_role;
    END IF;
END
$$;
