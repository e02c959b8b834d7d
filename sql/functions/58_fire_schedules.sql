-- Fires up to `batch` schedules that are due: an execution for each time, run as nobody's user, in one transaction with
-- the next time of its row. Rows and automations that somebody has locked are left to him, or to the next look: nothing
-- here waits, and a deletion that has begun wins. One that cannot be started (its automation was switched off a moment
-- ago) stops no other and is tried again soon. A copy, a standby and paused work fire nothing; the gap is treated by
-- `missed` afterwards. Also says in how many milliseconds the next one is due (0: at once, null: none).
CREATE FUNCTION automations.fire_schedules(batch integer)
RETURNS TABLE (moved integer, fired integer, left_out integer, next_in_ms bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    due uuid[];
    one uuid;
BEGIN
    moved := 0;
    fired := 0;
    left_out := 0;
    IF pg_is_in_recovery() OR automations.is_copy() OR EXISTS (
        SELECT FROM automations.settings s WHERE s.name = 'paused' AND s.value = 'true') THEN
        RETURN NEXT;
        RETURN;
    END IF;
    -- with its automation, so that those whose automation somebody has locked do not fill the batch
    due := ARRAY(
        SELECT s.automation_id FROM automations.schedules s JOIN public.automations a ON a.id = s.automation_id
         WHERE NOT s.held AND s.due_at <= moment
         ORDER BY s.due_at
         LIMIT batch
         FOR UPDATE OF s SKIP LOCKED FOR KEY SHARE OF a SKIP LOCKED);
    due := due || ARRAY(
        SELECT s.automation_id FROM automations.schedules s JOIN public.automations a ON a.id = s.automation_id
         WHERE NOT s.held AND s.due_at > moment AND s.computed_at > moment + interval '1 minute'
         ORDER BY s.computed_at
         LIMIT batch
         FOR UPDATE OF s SKIP LOCKED FOR KEY SHARE OF a SKIP LOCKED);
    BEGIN
        -- together, which is cheap; where one fails each by itself
        SELECT f.fired, f.left_out INTO fired, left_out FROM automations.fire_due(due, moment) f;
        moved := cardinality(due);
    EXCEPTION WHEN OTHERS THEN
        FOREACH one IN ARRAY due LOOP
            BEGIN
                SELECT fire_schedules.fired + f.fired, fire_schedules.left_out + f.left_out INTO fired, left_out
                FROM automations.fire_due(ARRAY[one], moment) f;
                moved := moved + 1;
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'the schedule of automation % could not be fired: % (%)', one, SQLERRM, SQLSTATE;
                UPDATE automations.schedules s SET due_at = moment + interval '5 seconds' WHERE s.automation_id = one;
            END;
        END LOOP;
    END;
    next_in_ms := automations.schedules_due_in();
    RETURN NEXT;
END
$$;
