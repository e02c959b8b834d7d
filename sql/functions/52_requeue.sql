-- Puts parked executions, whose rows the caller has locked, back into the queue. Returns how many.
CREATE FUNCTION automations.requeue(ids uuid[])
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    moved integer;
BEGIN
    WITH woken AS (
        DELETE FROM automations.parked p WHERE p.execution_id = ANY (ids) RETURNING p.*
    ), queued AS (
        INSERT INTO automations.queue (
            account_id, id, automation_id, version, trigger_type, lead_id, conversation_id, caused_by, depth,
            test_mode, has_execution, attempt, priority)
        SELECT w.account_id, w.execution_id, w.automation_id, w.version, w.trigger_type, w.lead_id,
               w.conversation_id, w.caused_by, w.depth, w.test_mode, true, w.attempt, w.priority
        FROM woken w
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) INTO moved FROM woken;
    RETURN moved;
END
$$;
