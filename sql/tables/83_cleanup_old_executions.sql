-- Forgets executions that ended long ago: completed and cancelled ones after 30 days, failed ones after 7, by the
-- time at which they ended. Returns how many. A week all of which has passed its limit goes as a whole, the others
-- row by row in batches; steps and idempotency keys go with their executions, missed changes 30 days after they were
-- replayed, and emitted events after `event_days`. Belongs to the owner of the tables.
CREATE OR REPLACE FUNCTION public.cleanup_old_executions() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    passed regclass := automations.passed_partition();
    gone integer := 0;
    ids uuid[] := '{}';
    r record;
BEGIN
    -- one scan with a cursor: beginning anew for each batch would read what the last ones deleted
    FOR r IN
        SELECT e.id FROM public.automation_executions e
         WHERE e.started_at < now() - interval '7 days'
           AND automations.has_passed(e.status, e.started_at, e.completed_at)
           AND e.tableoid IS DISTINCT FROM passed::oid
    LOOP
        ids := ids || r.id;
        IF cardinality(ids) = 1000 THEN
            gone := gone + automations.forget_executions(ids);
            ids := '{}';
        END IF;
    END LOOP;
    gone := gone + automations.forget_executions(ids);
    PERFORM automations.forget_events();
    DELETE FROM automations.execution_keys k
     WHERE k.created_at < now() - interval '7 days'
       AND NOT EXISTS (SELECT FROM public.automation_executions e WHERE e.id = k.execution_id);
    DELETE FROM automations.missed m WHERE m.replayed_at < now() - interval '30 days';
    -- last, because it locks the host's tables until the end of the transaction
    IF passed IS NOT NULL THEN
        gone := gone + automations.drop_passed_partition(passed);
    END IF;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION public.cleanup_old_executions() FROM PUBLIC;
