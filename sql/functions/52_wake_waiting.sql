-- Something came for steps of these executions: those that are parked go back into the queue, and a daemon that has
-- one of the others in hand is told to look (the channel of cancels means: look at this execution). A parked row that
-- somebody has locked is left to him, or to the next unpark(), which finds what came by its index: nothing waits here.
CREATE FUNCTION automations.wake_waiting(executions uuid[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    parked uuid[] := ARRAY(
        SELECT p.execution_id FROM automations.parked p WHERE p.execution_id = ANY (executions)
        ORDER BY p.execution_id FOR UPDATE SKIP LOCKED);
BEGIN
    IF cardinality(parked) > 0 THEN
        PERFORM automations.requeue(parked);
    END IF;
    PERFORM automations.wake();
    -- PREPARE TRANSACTION fails after a NOTIFY
    IF current_setting('max_prepared_transactions') = '0' THEN
        PERFORM pg_notify('automation_cancel', x.id::text)
        FROM (SELECT unnest(executions) EXCEPT SELECT unnest(parked)) AS x (id);
    END IF;
END
$$;
