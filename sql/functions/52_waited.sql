-- What came for the steps of an execution that wait, asked by the daemon that has it in hand: the answer stays until the
-- record of the step's end takes the row away. A timeout that has passed comes now, unless something else came before:
-- whoever writes `came` first has decided it. Rows that somebody is deciding right now are passed over; he tells the
-- daemon when he has. Nothing at all where the lease is lost.
CREATE FUNCTION automations.waited(account_id uuid, execution_id uuid, token uuid)
RETURNS TABLE (step_key uuid, came text, outcome text, payload text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    due uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM automations.queue q
                    WHERE q.account_id = waited.account_id AND q.id = waited.execution_id
                      AND q.lease_token = waited.token
                      AND q.lease_until > clock_timestamp()) THEN
        RETURN;
    END IF;
    due := ARRAY(
        SELECT w.step_key FROM automations.waits w
        WHERE w.execution_id = waited.execution_id AND w.kind IS NOT NULL AND w.came IS NULL
          AND w.wake_at <= (SELECT clock_timestamp())
        ORDER BY w.step_key FOR UPDATE SKIP LOCKED);
    IF cardinality(due) > 0 THEN
        UPDATE automations.waits w SET came = 'timeout', came_at = clock_timestamp()
        WHERE w.execution_id = waited.execution_id AND w.step_key = ANY (due);
    END IF;
    RETURN QUERY
    SELECT w.step_key, w.came, w.outcome,
           CASE WHEN w.event_id IS NULL THEN w.payload::text
                ELSE (SELECT automations.event_data(e.event, e.payload, e.source, e.correlation_id, e.emitted_at)::text
                      FROM public.automation_events e WHERE e.id = w.event_id)
           END
    FROM automations.waits w
    WHERE w.execution_id = waited.execution_id AND w.kind IS NOT NULL AND w.came IS NOT NULL;
END
$$;
