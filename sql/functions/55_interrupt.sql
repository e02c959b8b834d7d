-- Ends an execution that has killed three daemons in a row. The node that had started is named; what it did to the
-- outside world is for a person to find out. One that had no row yet gets it here; where its automation is gone there is
-- nothing left to end.
CREATE FUNCTION automations.interrupt(account_id uuid, execution_id uuid)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    message constant text :=
        'The daemon stopped three times in a row while it ran this execution; it was not tried again.';
    node text;
BEGIN
    IF EXISTS (SELECT FROM automations.queue q
                WHERE q.account_id = interrupt.account_id AND q.id = interrupt.execution_id AND NOT q.has_execution)
        AND NOT automations.show_execution(interrupt.account_id, interrupt.execution_id) THEN
        RETURN;
    END IF;
    SELECT s.node_id INTO node FROM automations.steps s
    WHERE s.execution_id = interrupt.execution_id AND s.status = 'started'
    ORDER BY s.started_at DESC LIMIT 1;
    UPDATE public.automation_executions e
    SET status = 'failed', error = message, error_code = 'interrupted', error_node_id = node,
        nodes_executed = automations.nodes_executed(e.id, 'interrupted'),
        completed_at = greatest(clock_timestamp(), e.started_at),
        duration_ms = automations.milliseconds_since(e.started_at)
    WHERE e.id = interrupt.execution_id AND e.status IN ('pending', 'running', 'waiting');
    UPDATE automations.steps s
    SET status = 'failed', error = jsonb_build_object('message', message, 'code', 'interrupted'),
        completed_at = clock_timestamp()
    WHERE s.execution_id = interrupt.execution_id AND s.status = 'started';
    DELETE FROM automations.queue q
    WHERE q.account_id = interrupt.account_id AND q.id = interrupt.execution_id;
    PERFORM automations.free_slots(ARRAY[interrupt.execution_id]);
    PERFORM automations.end_waits(ARRAY[interrupt.execution_id], false);
    PERFORM automations.hand_to_parents(ARRAY[interrupt.execution_id]);
    PERFORM automations.announce(jsonb_build_array(jsonb_build_object(
        'id', execution_id, 'status', 'failed', 'automation_id', (
            SELECT e.automation_id FROM public.automation_executions e WHERE e.id = interrupt.execution_id))));
END
$$;
