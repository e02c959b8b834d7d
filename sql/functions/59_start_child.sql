-- Starts the automation that a step of an execution calls, under the execution's lease: the same step and attempt give
-- the same execution, however often it is called. It belongs to the same account, runs in test mode where its parent
-- does, for the same lead and conversation, one deeper than its parent. `refused` says why it may not be started, and
-- `code` how the node fails. With `wait` the step waits for its end from now on. No row: the lease is lost.
CREATE FUNCTION automations.start_child(
    account_id uuid, execution_id uuid, token uuid, step_key uuid, automation_id uuid, input jsonb, wait boolean,
    attempt integer DEFAULT 1)
RETURNS TABLE (child_id uuid, refused text, code text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
SET lock_timeout = '500ms'
AS $$
#variable_conflict use_column
DECLARE
    q automations.queue;
    key text := concat_ws(' ', 'step', start_child.step_key, start_child.attempt);
BEGIN
    SELECT x.* INTO q FROM automations.queue x
    WHERE x.account_id = start_child.account_id AND x.id = start_child.execution_id
      AND x.lease_token = start_child.token
      AND x.lease_until > clock_timestamp()
    FOR UPDATE;
    IF NOT FOUND OR NOT q.has_execution AND NOT automations.show_execution(q.account_id, q.id) THEN
        RETURN;
    END IF;
    SELECT k.execution_id INTO child_id FROM automations.execution_keys k
    WHERE k.automation_id = start_child.automation_id AND k.idempotency_key = key;
    IF child_id IS NULL THEN
        SELECT r.refused, r.code INTO refused, code
        FROM automations.refuse_child(q.account_id, q.id, q.depth, q.test_mode, start_child.automation_id,
            start_child.input) r;
        IF refused IS NOT NULL THEN
            RETURN NEXT;
            RETURN;
        END IF;
        SELECT automations.start_execution(start_child.automation_id, start_child.input, q.test_mode,
            CASE WHEN automations.account_of('lead', e.lead_id) = q.account_id THEN e.lead_id END,
            CASE WHEN automations.account_of('conversation', e.conversation_id) = q.account_id
                THEN e.conversation_id END,
            key, 'manual', q.id, (q.depth + 1)::smallint)
        INTO child_id FROM public.automation_executions e WHERE e.id = q.id;
    END IF;
    IF start_child.wait THEN
        PERFORM automations.wait_for_child(q.account_id, q.id, start_child.step_key, start_child.attempt, child_id);
    END IF;
    RETURN NEXT;
END
$$;
