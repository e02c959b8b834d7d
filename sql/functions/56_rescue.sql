-- Takes back what daemons held when they died: a lapsed lease counts as a crash, and the execution is pending again.
-- The third in a row without a newly recorded step ends it with `interrupted`. Only what is in the queue under a
-- lapsed lease is rescued, whatever an execution's status says. Returns how many rows it took; one that cannot be
-- taken says so in the log and leaves the others in peace.
-- Executions that run are found by their status, not by reading the queue, which may be long; for what somebody gave
-- another status by hand there is rescue_strays().
CREATE FUNCTION automations.rescue()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    taken integer := 0;
    r record;
BEGIN
    FOR r IN
        SELECT q.account_id, q.id, q.crashes
        FROM public.automation_executions e
        JOIN automations.queue q ON q.account_id = e.account_id AND q.id = e.id
        WHERE e.status = 'running' AND q.lease_until < clock_timestamp()
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
        FOR NO KEY UPDATE OF e SKIP LOCKED
    LOOP
        BEGIN
            IF r.crashes < 2 THEN
                UPDATE automations.queue q
                SET crashes = q.crashes + 1, lease_token = NULL, lease_until = NULL
                WHERE q.account_id = r.account_id AND q.id = r.id;
                PERFORM automations.set_pending(ARRAY[r.id]);
            ELSE
                -- nothing is claimed while this waits: one that somebody has locked is left for the next time
                CONTINUE WHEN EXISTS (SELECT FROM automations.hold_executions(ARRAY[r.id]) h WHERE NOT h.held)
                    OR EXISTS (SELECT FROM automations.hold_parents(ARRAY[r.id]) h WHERE NOT h.held)
                    OR EXISTS (SELECT FROM automations.hold_waits(ARRAY[r.id]) h WHERE NOT h.held);
                PERFORM automations.interrupt(r.account_id, r.id);
            END IF;
            taken := taken + 1;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'execution % could not be taken back: %', r.id, SQLERRM;
        END;
    END LOOP;
    PERFORM automations.cancel_left_children();
    RETURN taken;
END
$$;
