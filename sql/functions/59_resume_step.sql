-- Resumes a step by its key, for a token that was checked. Called with the rights of the tables' owner. The execution
-- comes first: while it is locked no daemon parks or ends it, so a resume that comes before its step waits is found
-- by the step, and none is left behind by an execution that ends.
CREATE FUNCTION automations.resume_step(
    execution_id uuid, step_key uuid, is_approval boolean, payload jsonb, outcome text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    account uuid;
    given jsonb := coalesce(payload, '{}');
    w automations.waits;
    too_late boolean;
BEGIN
    IF is_approval AND (outcome IN ('approved', 'rejected')) IS NOT TRUE THEN
        RAISE EXCEPTION 'the outcome of an approval is approved or rejected' USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT is_approval AND outcome IS NOT NULL THEN
        RAISE EXCEPTION 'this is no approval: it takes no outcome' USING ERRCODE = 'invalid_parameter_value';
    ELSIF octet_length(given::text) > 1048576 THEN
        RAISE EXCEPTION 'the payload is % bytes long as JSON; it may have 1048576', octet_length(given::text)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Store what is large, and give where it is.';
    END IF;
    IF is_approval THEN
        given := jsonb_build_object('outcome', outcome, 'payload', given, 'resumed_by', automations.claimed_user(),
            'resumed_at', clock_timestamp());
    END IF;

    SELECT e.account_id INTO account FROM public.automation_executions e
    WHERE e.id = resume_step.execution_id AND e.status IN ('pending', 'running', 'waiting')
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO w FROM automations.waits x
    WHERE x.execution_id = resume_step.execution_id AND x.step_key = resume_step.step_key
    FOR UPDATE;
    IF NOT FOUND THEN
        -- it does not wait yet, or no more
        IF EXISTS (SELECT FROM automations.steps s
                    WHERE s.execution_id = resume_step.execution_id AND s.idempotency_key = resume_step.step_key
                      AND s.status IN ('completed', 'failed', 'skipped', 'cancelled')) THEN
            RETURN false;
        END IF;
        INSERT INTO automations.waits (execution_id, step_key, account_id, came, outcome, payload, came_at)
        VALUES (resume_step.execution_id, resume_step.step_key, account, 'resumed', resume_step.outcome, given,
            clock_timestamp())
        ON CONFLICT DO NOTHING;
        RETURN FOUND;
    END IF;
    IF w.came IS NOT NULL OR w.kind IS DISTINCT FROM 'resume' THEN
        RETURN false;
    END IF;
    too_late := coalesce(w.wake_at <= clock_timestamp(), false);
    IF too_late THEN
        -- nobody has looked at the clock since: too late is too late
        UPDATE automations.waits x SET came = 'timeout', came_at = clock_timestamp()
        WHERE x.execution_id = w.execution_id AND x.step_key = w.step_key;
    ELSE
        UPDATE automations.waits x
        SET came = 'resumed', outcome = resume_step.outcome, payload = given, came_at = clock_timestamp()
        WHERE x.execution_id = w.execution_id AND x.step_key = w.step_key;
    END IF;
    PERFORM automations.wake_waiting(ARRAY[w.execution_id]);
    RETURN NOT too_late;
END
$$;
