-- Who may do what with the tables. The daemon: what its functions need and not more; its functions are SECURITY
-- INVOKER, so this is the whole of its power. The tenant role: its own rows, by row level security.
GRANT SELECT ON automations.settings, automations.sources, automations.schema_version, automations.listeners,
    automations.uncounted, automations.token_secret, automations.pending, automations.recorded_steps,
    automations.webhooks,
    automations.event_listeners, automations.account_names, public.automation_versions, public.automation_accounts TO automations_daemon;
GRANT SELECT, INSERT, UPDATE, DELETE ON automations.queue, automations.parked, automations.steps, automations.waits,
    automations.in_flight, automations.claims, automations.debounced TO automations_daemon;
GRANT SELECT, INSERT, UPDATE ON automations.entered TO automations_daemon;
GRANT SELECT, UPDATE (next_at, due_at, computed_at, last_execution_id) ON automations.schedules TO automations_daemon;
-- a claim locks the limit that it decides about, which takes the right to update something of it
GRANT SELECT, UPDATE (max_in_flight) ON automations.limits TO automations_daemon;
GRANT UPDATE (max_in_flight) ON public.automation_accounts TO automations_daemon;
GRANT SELECT, INSERT, UPDATE ON automations.missed TO automations_daemon;
GRANT SELECT, INSERT ON automations.execution_keys TO automations_daemon;
GRANT SELECT, INSERT, UPDATE, DELETE ON automations.leaders TO automations_daemon;
GRANT SELECT, INSERT, UPDATE ON automations.webhook_calls TO automations_daemon;
-- occurrences that are kept for replay
GRANT SELECT, INSERT, UPDATE (delivered_at) ON public.automation_events TO automations_daemon;
GRANT SELECT ON automations.tools TO automations_daemon;
GRANT SELECT, UPDATE (last_used_at) ON public.automation_api_keys TO automations_daemon;
-- a test run that starts a draft pins it
GRANT INSERT ON public.automation_versions TO automations_daemon;
GRANT SELECT, INSERT, UPDATE ON public.automation_executions TO automations_daemon;
GRANT SELECT, UPDATE (status, status_reason) ON public.automations TO automations_daemon;
GRANT EXECUTE ON FUNCTION automations.maintain() TO automations_daemon;
GRANT EXECUTE ON FUNCTION automations.fold_uncounted() TO automations_daemon;
GRANT EXECUTE ON FUNCTION automations.count_executions(uuid[], text[], text[], timestamptz[]) TO automations_daemon;
