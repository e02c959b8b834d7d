-- Brings changes of records that have been quiet long enough back into the queue, as one change each; called with the
-- rows locked. What happened is that they were quiet, so that is when their executions began: a deadline of the
-- execution does not run while its record changes. Returns how many there were.
CREATE FUNCTION automations.end_windows(execution_ids uuid[]) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    ended integer;
BEGIN
    WITH window_ended AS (
        DELETE FROM automations.debounced d WHERE d.execution_id = ANY (execution_ids) RETURNING d.*
    ), queued AS (
        INSERT INTO automations.queue (
            account_id, id, automation_id, version, trigger_type, trigger_data, lead_id, conversation_id, caused_by,
            depth, occurred_at, priority, record, quiet)
        SELECT w.account_id, w.execution_id, w.automation_id, w.version, 'event',
               automations.folded_change(w.first_change, w.last_change, w.changed), w.lead_id, w.conversation_id,
               w.caused_by, w.depth, least(w.due_at, clock_timestamp()), w.priority, w.record, true
        FROM window_ended w
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) INTO ended FROM window_ended;
    RETURN ended;
END
$$;
