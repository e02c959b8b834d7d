-- Writes an emitted event and wakes daemons; who waits for it is looked up by them, not in the application's time.
-- Called with the rights of the tables' owner by a caller who may act for the account. An event that an automation's
-- write emits says by which execution, and how long the chain of automations is.
CREATE FUNCTION automations.emit_event(event text, payload jsonb, correlation_id text, account_id uuid)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given jsonb := coalesce(payload, '{}');
    cause record;
    new_id uuid := automations.uuid_v7();
    -- as it becomes trigger data
    size integer := octet_length(automations.event_data(event, given, 'application', correlation_id, clock_timestamp())::text);
BEGIN
    IF coalesce(event, '') = '' OR length(event) > 200 OR length(correlation_id) > 1000 THEN
        RAISE EXCEPTION 'an event has a name of 1 to 200 characters, and a correlation id of 1000 at most'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF size > 1048576 THEN
        RAISE EXCEPTION 'the event is % bytes long as JSON; it may have 1048576', size
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Store what is large, and give where it is.';
    END IF;
    SELECT * INTO cause FROM automations.provenance();
    INSERT INTO public.automation_events (id, account_id, event, payload, source, correlation_id, caused_by, depth)
    VALUES (new_id, emit_event.account_id, emit_event.event, given,
        CASE WHEN cause.execution_id IS NULL THEN 'application' ELSE 'automation' END,
        emit_event.correlation_id, cause.execution_id, cause.depth);
    PERFORM automations.wake();
    RETURN new_id;
END
$$;
