-- What a daemon asks at each poll, in one statement that changes nothing and reads a few entries of indexes: may it work
-- (readiness), and is there anything to do? Only where there is does it call what does it:
--   queued      the queue holds something (claim)
--   claimed     somebody has claimed something, whose lease may have lapsed, or a child is left to be cancelled (rescue)
--   due_in_ms   when the next parked execution, quiet record or schedule is due; 0: now (unpark, fire_schedules), null: none
--               has a time
--   emitted     an event is to be delivered (deliver_events)
--   put_aside   a change that capture missed, or statistics that had to wait (replay_missed, fold_uncounted)
-- Null where the daemon may not work: the tables may be of another version than this function.
-- proof: notified to the daemon's own listener, which has to hear it. That commit need not reach the disk: it takes a lock
-- that every notifying transaction of the server wants.
CREATE FUNCTION automations.look(proof text DEFAULT NULL)
RETURNS TABLE (
    schema_version text, library_version text, paused boolean, is_copy boolean, in_recovery boolean,
    is_superuser boolean, tenant_role text, server_version_num integer, has_bypassrls boolean,
    queued boolean, claimed boolean, due_in_ms bigint, emitted boolean, put_aside boolean
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while a table was empty would read all of it later
SET enable_seqscan = off
-- where a table has nothing but a sequential scan that setting makes plans look so dear that they would be compiled: a second
SET jit = off
AS $$
BEGIN
    SELECT r.* INTO schema_version, library_version, paused, is_copy, in_recovery, is_superuser, tenant_role,
        server_version_num, has_bypassrls
    FROM automations.readiness() r;
    IF in_recovery THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF proof IS NOT NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true), pg_notify('automationd_ping', proof);
    END IF;
    IF schema_version IS NOT DISTINCT FROM library_version THEN
        queued := EXISTS (SELECT FROM automations.queue);
        claimed := EXISTS (SELECT FROM automations.claims)
            OR EXISTS (SELECT FROM automations.waits w WHERE w.kind = 'ended');
        IF EXISTS (SELECT FROM automations.waits w JOIN automations.parked p ON p.execution_id = w.execution_id
                    WHERE w.came IS NOT NULL AND w.kind IS NOT NULL AND w.came_at <= (SELECT clock_timestamp())) THEN
            due_in_ms := 0;
        ELSE
            SELECT greatest(ceil(extract(epoch FROM d.due - clock_timestamp()) * 1000), 0)::bigint INTO due_in_ms
            FROM (SELECT least(
                (SELECT p.wake_at FROM automations.parked p WHERE p.wake_at IS NOT NULL ORDER BY p.wake_at LIMIT 1),
                (SELECT d.due_at FROM automations.debounced d ORDER BY d.due_at LIMIT 1))) AS d (due)
            WHERE d.due IS NOT NULL;
            due_in_ms := least(due_in_ms, automations.schedules_due_in());
        END IF;
        emitted := EXISTS (SELECT FROM public.automation_events x WHERE x.delivered_at IS NULL);
        put_aside := EXISTS (SELECT FROM automations.missed m WHERE m.replayed_at IS NULL AND m.given_up IS NULL)
            OR EXISTS (SELECT FROM automations.uncounted);
    END IF;
    RETURN NEXT;
END
$$;
