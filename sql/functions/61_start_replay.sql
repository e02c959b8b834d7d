-- Starts an automation with an event of its account. Called with the rights of the tables' owner by a caller to whom both
-- are visible. A kept occasion comes with the lead and conversation of the execution that it started, while that is there.
CREATE FUNCTION automations.start_replay(event_id uuid, automation_id uuid, test_mode boolean)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
    first record;
BEGIN
    SELECT x.* INTO e FROM public.automation_events x
    JOIN public.automations a ON a.id = start_replay.automation_id AND a.user_id = x.account_id
    WHERE x.id = event_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event % does not exist in the account of automation %', event_id, automation_id
            USING ERRCODE = 'no_data_found';
    END IF;
    IF e.source NOT IN ('webhook', 'schedule', 'capture') THEN
        RETURN automations.start_execution(automation_id,
            automations.event_data(e.event, e.payload, e.source, e.correlation_id, e.emitted_at),
            test_mode, NULL, NULL, NULL, 'event');
    END IF;
    SELECT x.lead_id, x.conversation_id INTO first FROM public.automation_executions x
    WHERE x.id = e.correlation_id::uuid AND x.account_id = e.account_id;
    RETURN automations.start_execution(automation_id, e.payload, test_mode, first.lead_id, first.conversation_id, NULL,
        CASE e.source WHEN 'capture' THEN 'event' ELSE e.source END);
END
$$;
