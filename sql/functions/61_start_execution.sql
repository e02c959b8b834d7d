-- Starts an execution that is not a captured change: run(), tools, webhooks, emitted events. Called with the rights of the tables'
-- owner by a caller to whom the automation was visible. The execution is there at once as `pending`; its
-- triggers queue and announce it and refuse a lead or conversation of another account. The same idempotency key for the same
-- automation gives the same execution, also when two ask at once. What caused it is said by the caller (start_child),
-- else it is the execution on whose behalf this transaction writes.
CREATE FUNCTION automations.start_execution(
    automation_id uuid,
    input jsonb,
    test_mode boolean,
    lead_id uuid,
    conversation_id uuid,
    idempotency_key text,
    trigger_type text DEFAULT 'manual',
    caused_by uuid DEFAULT NULL,
    depth smallint DEFAULT NULL
)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a record;
    new_id uuid := automations.uuid_v7();
    used_version integer;
    cause record;
    at_test boolean := coalesce(test_mode, false);
BEGIN
    SELECT t.id, t.user_id, t.version, t.status, t.enabled INTO a
    FROM public.automations t WHERE t.id = start_execution.automation_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'automation % does not exist', automation_id USING ERRCODE = 'no_data_found';
    END IF;
    -- a call of a webhook and an emitted event are like a captured change: an outage that stopped the automation loses none
    IF NOT at_test AND NOT (a.enabled AND (
        a.status = 'active' OR a.status = 'error' AND trigger_type IN ('webhook', 'event'))) THEN
        RAISE EXCEPTION 'automation % is not active', automation_id USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Publish it first, or run it in test mode.';
    END IF;
    IF automations.is_too_large(input) THEN
        RAISE EXCEPTION 'the input is % bytes long as JSON; trigger data may have 1048576', octet_length(input::text)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Store what is large, and give where it is.';
    END IF;
    IF idempotency_key IS NOT NULL THEN
        INSERT INTO automations.execution_keys (account_id, automation_id, idempotency_key, execution_id)
        VALUES (a.user_id, a.id, start_execution.idempotency_key, new_id)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN (SELECT k.execution_id FROM automations.execution_keys k
                    WHERE k.automation_id = a.id AND k.idempotency_key = start_execution.idempotency_key);
        END IF;
    END IF;

    used_version := CASE WHEN at_test THEN automations.snapshot(a.id) ELSE a.version END;
    SELECT * INTO cause FROM automations.provenance();
    INSERT INTO public.automation_executions (
        id, automation_id, account_id, version, trigger_type, trigger_data, status, test_mode, triggered_by, lead_id,
        conversation_id, caused_by, depth)
    VALUES (new_id, a.id, a.user_id, used_version, start_execution.trigger_type, coalesce(input, '{}'), 'pending',
            at_test, automations.claimed_user(), start_execution.lead_id, start_execution.conversation_id,
            coalesce(start_execution.caused_by, cause.execution_id),
            coalesce(start_execution.depth, cause.depth));
    RETURN new_id;
END
$$;
