-- The daemon does not bypass row level security: it has policies of its own on our tables, and on nothing else.
DO $$
DECLARE
    tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['automations.settings', 'automations.sources', 'automations.schema_version',
        'automations.listeners', 'automations.queue', 'automations.parked', 'automations.steps',
        'automations.missed', 'automations.uncounted', 'automations.execution_keys', 'automations.waits',
        'automations.token_secret', 'automations.event_listeners', 'automations.leaders', 'automations.webhooks', 'automations.webhook_calls', 'automations.account_names',
        'automations.limits', 'automations.in_flight', 'automations.claims', 'automations.debounced',
        'automations.entered', 'automations.schedules', 'automations.tools', 'public.automation_api_keys',
        'public.automation_events', 'public.automations', 'public.automation_versions',
        'public.automation_accounts', 'public.automation_executions']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy p
                        WHERE p.polrelid = tab::regclass AND p.polname = 'the daemon works for all accounts') THEN
            EXECUTE format('CREATE POLICY "the daemon works for all accounts" ON %s TO automations_daemon
                            USING (true) WITH CHECK (true)', tab);
        END IF;
    END LOOP;
END
$$;
