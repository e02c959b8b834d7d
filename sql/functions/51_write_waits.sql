-- Keeps the rows of automations.waits in step with step records that were just written: a parked step that says what
-- it waits for ("wait": {"kind", "event", "match", "child_id"}) has one, from then on or from when it was resumed
-- already; a step that has ended, that is cancelled, or that is parked for something else, has none. The caller holds the
-- execution where a step waits, and with it keeps resume() out, and gives up soon where a row is locked all the same.
CREATE FUNCTION automations.write_waits(account_id uuid, execution_id uuid, steps jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    n record;
BEGIN
    FOR n IN
        SELECT DISTINCT ON (s.idempotency_key)
               s.idempotency_key AS step_key, s.status, coalesce(s.attempt, 1) AS attempt, s.wait ->> 'kind' AS kind,
               s.wait ->> 'event' AS event, nullif(s.wait -> 'match', 'null') AS match,
               (s.wait ->> 'child_id')::uuid AS child_id,
               coalesce(s.wake_at, automations.in_milliseconds(s.wake_in_ms)) AS wake_at
        FROM jsonb_array_elements(steps) WITH ORDINALITY AS l (step, position)
        CROSS JOIN LATERAL jsonb_to_record(l.step) AS s (idempotency_key uuid, status text, attempt integer,
            wait jsonb, wake_at timestamptz, wake_in_ms numeric)
        WHERE s.idempotency_key IS NOT NULL
        ORDER BY s.idempotency_key, l.position DESC
    LOOP
        IF n.status = 'parked' AND n.kind IS NOT NULL THEN
            INSERT INTO automations.waits (execution_id, step_key, account_id, attempt, kind, event, match, child_id,
                wake_at)
            VALUES (write_waits.execution_id, n.step_key, write_waits.account_id, n.attempt, n.kind, n.event, n.match,
                n.child_id, n.wake_at)
            ON CONFLICT DO NOTHING;
            CONTINUE WHEN FOUND;
            -- a row of this attempt keeps its timeout and what came
            UPDATE automations.waits w
            SET attempt = n.attempt, kind = n.kind, event = n.event, match = n.match, child_id = n.child_id,
                wake_at = n.wake_at,
                came = CASE WHEN w.kind IS NULL AND n.kind = 'resume' THEN w.came END,
                came_at = CASE WHEN w.kind IS NULL AND n.kind = 'resume' THEN w.came_at END
            WHERE w.execution_id = write_waits.execution_id AND w.step_key = n.step_key
              AND (w.kind IS NULL OR w.attempt < n.attempt);
        ELSIF n.status <> 'started' THEN
            -- what a step has started that waits no more is cancelled by cancel_left_children(), which waits for nobody
            UPDATE automations.waits w SET kind = 'ended'
            WHERE n.status = 'cancelled' AND w.execution_id = write_waits.execution_id AND w.step_key = n.step_key
              AND w.kind = 'child' AND w.came IS NULL;
            CONTINUE WHEN FOUND;
            DELETE FROM automations.waits w
            WHERE w.execution_id = write_waits.execution_id AND w.step_key = n.step_key
              AND (n.status <> 'parked' OR w.kind IS NOT NULL);
        END IF;
    END LOOP;
END
$$;
