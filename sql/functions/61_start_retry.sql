-- Starts the execution that retries another one: with its trigger data, lead, conversation and place in a chain of
-- automations, and with the first `taken_over` of its completed steps, which are known to fit `version` (retry()
-- looks). They keep the idempotency keys under which they acted, because that is what the other side has seen; what runs
-- again gets keys of the new execution. Its triggers queue it, as in start_execution().
CREATE FUNCTION automations.start_retry(execution_id uuid, version integer, taken_over integer)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid := automations.uuid_v7();
    account uuid;
    cause record;
BEGIN
    SELECT * INTO cause FROM automations.provenance();
    INSERT INTO public.automation_executions (
        id, automation_id, account_id, version, trigger_type, trigger_data, status, test_mode, triggered_by, lead_id,
        conversation_id, caused_by, depth, retry_of)
    SELECT new_id, e.automation_id, a.user_id, start_retry.version, e.trigger_type, e.trigger_data, 'pending',
           e.test_mode, automations.claimed_user(), e.lead_id, e.conversation_id,
           coalesce(cause.execution_id, e.caused_by), greatest(cause.depth, e.depth), e.id
    FROM public.automation_executions e
    JOIN public.automations a ON a.id = e.automation_id
    WHERE e.id = start_retry.execution_id
    RETURNING account_id INTO account;
    INSERT INTO automations.steps (
        execution_id, account_id, node_id, place, run, attempt, node_type, label, status, ordinal, outcome, input, output,
        error, variables, warnings, idempotency_key, started_at, completed_at, duration_ms, began_after, format)
    SELECT new_id, account, s.node_id, s.place, s.run, s.attempt, s.node_type, s.label, s.status, s.ordinal, s.outcome,
           s.input, s.output, s.error, s.variables, s.warnings, s.idempotency_key, s.started_at, s.completed_at,
           s.duration_ms, s.began_after, s.format
    FROM automations.recorded_steps s
    WHERE s.execution_id = start_retry.execution_id AND s.ordinal <= taken_over;
    RETURN new_id;
END
$$;
