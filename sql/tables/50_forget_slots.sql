-- Rows of automations.in_flight whose claim is over, and records that entered with `after_finish` and have finished. They
-- count for nothing any more (within_limits, admit); this only keeps the tables small.
CREATE OR REPLACE FUNCTION automations.forget_slots() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM automations.in_flight f
     WHERE f.execution_id IN (
        SELECT x.execution_id FROM automations.in_flight x
         WHERE NOT EXISTS (SELECT FROM automations.queue q WHERE q.account_id = x.account_id
                              AND q.id = x.execution_id AND q.lease_token = x.token)
           FOR UPDATE SKIP LOCKED);
    DELETE FROM automations.entered n
     WHERE (n.automation_id, n.record) IN (
        SELECT x.automation_id, x.record FROM automations.entered x
         WHERE NOT x.for_ever AND NOT EXISTS (
            SELECT FROM public.automation_executions e
             WHERE e.id = x.execution_id AND e.status IN ('pending', 'running', 'waiting'))
           AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.account_id = x.account_id AND q.id = x.execution_id)
         LIMIT 10000 FOR UPDATE SKIP LOCKED);
    RETURN 0;
END
$$;
REVOKE ALL ON FUNCTION automations.forget_slots() FROM PUBLIC;
