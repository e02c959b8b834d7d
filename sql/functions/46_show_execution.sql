-- Makes the row of a claimed execution that was a captured change until now, as running: from here on everybody who may
-- can see it. Called with its queue row locked. What was kept of its steps there becomes rows of their own, unless the caller
-- `has_them`. False: its automation is gone, and so is its queue row. An error where somebody has locked what it refers to,
-- because nothing waits here: the caller tries again as long as it has the lease.
CREATE FUNCTION automations.show_execution(account_id uuid, execution_id uuid, has_them boolean DEFAULT false)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    kept jsonb;
BEGIN
    -- nearly always all is as it was
    IF NOT automations.create_one(account_id, execution_id)
        AND automations.create_executions(
            ARRAY[account_id], ARRAY[execution_id], ARRAY[1], '[{"status": "running"}]') = '{}' THEN
        IF EXISTS (SELECT FROM automations.queue q
                    WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id) THEN
            RAISE EXCEPTION 'somebody has locked what execution % refers to', execution_id
                USING ERRCODE = 'lock_not_available', HINT = 'Try again in a moment.';
        END IF;
        RETURN false;
    END IF;
    IF NOT has_them THEN
        SELECT q.steps INTO kept FROM automations.queue q
        WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id AND q.steps IS NOT NULL;
        IF FOUND THEN
            PERFORM automations.write_steps(ARRAY[account_id], ARRAY[execution_id], jsonb_build_array(kept));
        END IF;
    END IF;
    UPDATE automations.queue q SET has_execution = true, trigger_data = NULL, steps = NULL
    WHERE q.account_id = show_execution.account_id AND q.id = show_execution.execution_id;
    RETURN true;
END
$$;
