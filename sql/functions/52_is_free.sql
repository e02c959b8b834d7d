-- Whether the rows of an execution can be locked at once, and locks them if so: queue, execution, parked, in the order
-- of every change of state, and what it waits for: somebody who brought it an event kept that row from going (seen).
CREATE FUNCTION automations.is_free(account_id uuid, execution_id uuid)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM automations.queue q WHERE q.account_id = is_free.account_id AND q.id = is_free.execution_id
    FOR UPDATE NOWAIT;
    PERFORM FROM public.automation_executions e WHERE e.id = is_free.execution_id FOR NO KEY UPDATE NOWAIT;
    PERFORM FROM automations.parked p WHERE p.execution_id = is_free.execution_id FOR UPDATE NOWAIT;
    PERFORM FROM automations.waits w WHERE w.execution_id = is_free.execution_id FOR UPDATE NOWAIT;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;
