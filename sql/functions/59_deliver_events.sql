-- Takes emitted events to the steps that wait for them and to the automations that they start, the oldest first, up to
-- `batch` of them; returns how many. Each goes to all that wait at that moment or to none: where one of those is locked, it waits for the next time, and later
-- events of that name and account with it, so that a step that waits again never gets an event twice, nor out of order
-- within one call; two daemons that deliver at the same moment each go in their own order.
-- What waits so does not count: whoever keeps a step locked and emits many events must not keep back the events of others (seen).
-- An event that was emitted after a wait's timeout comes too late, however late the clock is looked at. What goes wrong
-- with one event is no other account's business; one that Postgres cannot look into (a payload nested as deep as its
-- stack: seen) comes to nobody.
CREATE FUNCTION automations.deliver_events(batch integer)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
DECLARE
    e record;
    last_id uuid := '00000000-0000-0000-0000-000000000000';
    data jsonb;
    woken uuid[];
    put_off text[] := '{}';
    delivered integer := 0;
    -- whoever delivers claims nothing meanwhile
    enough constant timestamptz := clock_timestamp() + interval '500 milliseconds';
BEGIN
    WHILE delivered = 0 OR delivered < batch AND clock_timestamp() < enough LOOP
        SELECT x.id, x.account_id, x.event, x.payload, x.source, x.correlation_id, x.emitted_at INTO e
        FROM public.automation_events x
        WHERE x.delivered_at IS NULL AND x.id > last_id AND concat_ws(' ', x.account_id, x.event) <> ALL (put_off)
        ORDER BY x.id
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        last_id := e.id;
        BEGIN
            data := automations.event_data(e.event, e.payload, e.source, e.correlation_id, e.emitted_at);
            WITH wanted AS MATERIALIZED (
                SELECT w.execution_id, w.step_key FROM automations.waits w
                WHERE w.account_id = e.account_id AND w.event = e.event AND w.kind = 'event' AND w.came IS NULL
                  AND (w.wake_at IS NULL OR w.wake_at > e.emitted_at)
                  AND (w.match IS NULL OR w.match = '{}' OR automations.event_matches(w.match, data))
                ORDER BY w.execution_id, w.step_key
                FOR UPDATE NOWAIT
            ), resumed AS (
                UPDATE automations.waits w
                SET came = 'event', event_id = e.id, came_at = clock_timestamp()
                FROM wanted x WHERE w.execution_id = x.execution_id AND w.step_key = x.step_key
                RETURNING w.execution_id
            )
            SELECT array_agg(DISTINCT r.execution_id) INTO woken FROM resumed r;
            IF woken IS NOT NULL THEN
                PERFORM automations.wake_waiting(woken);
            END IF;
            PERFORM automations.start_listeners(e.id, data);
            UPDATE public.automation_events x SET delivered_at = clock_timestamp() WHERE x.id = e.id;
            delivered := delivered + 1;
        EXCEPTION
            WHEN lock_not_available OR deadlock_detected THEN
                put_off := put_off || concat_ws(' ', e.account_id, e.event);
            WHEN statement_too_complex THEN
                RAISE WARNING 'event % comes to nobody: %', e.id, SQLERRM;
                UPDATE public.automation_events x SET delivered_at = clock_timestamp() WHERE x.id = e.id;
                delivered := delivered + 1;
            WHEN OTHERS THEN
                RAISE WARNING 'event % could not be delivered: % (%)', e.id, SQLERRM, SQLSTATE;
                put_off := put_off || concat_ws(' ', e.account_id, e.event);
        END;
    END LOOP;
    RETURN delivered;
END
$$;
