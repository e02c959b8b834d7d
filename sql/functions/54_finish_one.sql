-- Ends one execution that has a row under its lease as finish() ends many. False: nothing was written, and finish() has more to
-- decide: it has none (end_captured), it is waited for or waits for something, somebody has locked it, or the lease is lost. What
-- finish() does for many takes longer to set up than all of this.
CREATE FUNCTION automations.finish_one(account_id uuid, execution_id uuid, token uuid, result jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    is_ordinary boolean;
BEGIN
    SELECT q.caused_by IS NULL INTO is_ordinary
    FROM automations.queue q
    WHERE q.account_id = finish_one.account_id AND q.id = finish_one.execution_id AND q.has_execution
      AND q.lease_token = finish_one.token AND q.lease_until > clock_timestamp()
    FOR UPDATE SKIP LOCKED;
    IF is_ordinary IS NOT TRUE THEN
        RETURN false;
    END IF;
    SELECT e.status IN ('pending', 'running', 'waiting') INTO is_ordinary
    FROM public.automation_executions e WHERE e.id = finish_one.execution_id FOR NO KEY UPDATE SKIP LOCKED;
    -- asked after it is held: before that, somebody may still bring it something
    IF is_ordinary IS NOT TRUE OR EXISTS (SELECT FROM automations.waits w WHERE w.execution_id = finish_one.execution_id) THEN
        RETURN false;
    END IF;
    UPDATE public.automation_executions e
    SET status = result ->> 'status',
        error = result ->> 'error',
        error_code = result ->> 'error_code',
        error_node_id = result ->> 'error_node_id',
        output = automations.output_of(result),
        variables = coalesce(nullif(result -> 'variables', 'null'), e.variables),
        nodes_executed = coalesce(nullif(result -> 'nodes_executed', 'null'), e.nodes_executed),
        completed_at = greatest(clock_timestamp(), e.started_at),
        duration_ms = automations.milliseconds_since(e.started_at)
    WHERE e.id = finish_one.execution_id;
    IF result -> 'steps' <> '[]' THEN
        PERFORM automations.write_steps(
            ARRAY[account_id], ARRAY[execution_id], jsonb_build_array(result));
    END IF;
    PERFORM automations.free_slots(ARRAY[execution_id]);
    DELETE FROM automations.queue q
    WHERE q.account_id = finish_one.account_id AND q.id = finish_one.execution_id;
    RETURN true;
END
$$;
