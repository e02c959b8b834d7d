-- Takes back what daemons held when they died: a lapsed lease counts as a crash, and the execution is pending again.
-- The third in a row without a newly recorded step ends it with `interrupted`. Only what is in the queue under a
-- lapsed lease is rescued, whatever an execution's status says. Returns how many rows it took; one that cannot be
-- taken says so in the log and leaves the others in peace.
-- Leases are found by what was claimed together (automations.claims), not by reading the queue, which may be long; for
-- leases that nothing there tells of there is rescue_strays(). What is left of a claim is looked at each time, so it is
-- written anew when it has become less than half, and goes when nothing is left.
CREATE FUNCTION automations.rescue()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
DECLARE
    taken integer := 0;
    r record;
BEGIN
    FOR r IN
        SELECT q.account_id, q.id, q.crashes, q.has_execution
        FROM automations.claims c
        CROSS JOIN LATERAL unnest(c.accounts, c.ids) AS p (account_id, id)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id AND q.lease_token = c.token
        WHERE q.lease_until < clock_timestamp()
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    LOOP
        BEGIN
            -- nothing is claimed while this waits: one that somebody has locked is left for the next time
            CONTINUE WHEN r.has_execution
                AND EXISTS (SELECT FROM automations.hold_executions(ARRAY[r.id]) h WHERE NOT h.held);
            IF r.crashes < 2 THEN
                UPDATE automations.queue q
                SET crashes = q.crashes + 1, lease_token = NULL, lease_until = NULL
                WHERE q.account_id = r.account_id AND q.id = r.id;
                PERFORM automations.set_pending(ARRAY[r.id]);
            ELSE
                CONTINUE WHEN EXISTS (SELECT FROM automations.hold_parents(ARRAY[r.id]) h WHERE NOT h.held)
                    OR EXISTS (SELECT FROM automations.hold_waits(ARRAY[r.id]) h WHERE NOT h.held);
                PERFORM automations.interrupt(r.account_id, r.id);
            END IF;
            taken := taken + 1;
        EXCEPTION
            WHEN lock_not_available THEN
                NULL;
            WHEN OTHERS THEN
                RAISE WARNING 'execution % could not be taken back: %', r.id, SQLERRM;
        END;
    END LOOP;
    PERFORM automations.cancel_left_children();

    WITH held AS MATERIALIZED (
        SELECT c.token, c.accounts, c.ids FROM automations.claims c FOR UPDATE SKIP LOCKED
    ), rest AS MATERIALIZED (
        SELECT h.token, cardinality(h.ids) AS were, array_agg(q.account_id) FILTER (WHERE q.id IS NOT NULL) AS accounts,
               array_agg(q.id) FILTER (WHERE q.id IS NOT NULL) AS ids
        FROM held h
        CROSS JOIN LATERAL unnest(h.accounts, h.ids) AS p (account_id, id)
        LEFT JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id AND q.lease_token = h.token
        GROUP BY h.token, cardinality(h.ids)
    ), finished AS (
        DELETE FROM automations.claims c USING rest x WHERE c.token = x.token AND x.ids IS NULL
    )
    UPDATE automations.claims c SET accounts = x.accounts, ids = x.ids
    FROM rest x
    WHERE c.token = x.token AND cardinality(x.ids) * 2 < x.were;
    RETURN taken;
END
$$;
