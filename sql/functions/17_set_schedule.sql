-- Writes when an automation with a schedule runs next, from its newest version: for one automation, or for all (null). What
-- is paused, archived, a draft or has another trigger has no next time, and begins anew from now on when it is active
-- again. One that the error limit stopped keeps its next time and is held, so that the gap is treated as missed. Where
-- nothing changed that says when it runs, the next time stays: a time that is due is not lost because somebody edits the
-- graph. Only what differs is written: an editor whose transaction stays open must not hold up fires.
CREATE FUNCTION automations.set_schedule(only_one uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- a plan made while there were few automations would read all of them for each that is saved
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    these uuid[] := CASE WHEN only_one IS NOT NULL THEN ARRAY[only_one] ELSE ARRAY(
        SELECT a.id FROM public.automations a WHERE a.trigger_type = 'schedule'
        UNION
        SELECT s.automation_id FROM automations.schedules s) END;
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT a.user_id AS account_id, a.id AS automation_id, v.trigger_config AS config, a.status = 'error' AS held,
               n.next_at, n.due_at, clock_timestamp() AS computed_at
          FROM public.automations a
          JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
          CROSS JOIN LATERAL automations.due_runs(v.trigger_config, a.id, NULL, clock_timestamp()) n
         WHERE a.id = ANY (these)
           AND v.trigger_type = 'schedule' AND a.enabled AND a.status IN ('active', 'error')
    ), silent AS (
        UPDATE automations.schedules s SET next_at = NULL, due_at = NULL, held = false
         WHERE s.automation_id = ANY (these) AND s.next_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM wanted w WHERE w.automation_id = s.automation_id)
    )
    INSERT INTO automations.schedules AS s (account_id, automation_id, config, held, next_at, due_at, computed_at)
    SELECT w.account_id, w.automation_id, w.config, w.held, w.next_at, w.due_at, w.computed_at FROM wanted w
    ON CONFLICT (automation_id) DO UPDATE
       SET config = excluded.config, held = excluded.held,
           (next_at, due_at, computed_at) = (
               SELECT k.next_at, k.due_at, k.computed_at
                 FROM (VALUES (true, s.next_at, s.due_at, s.computed_at),
                              (false, excluded.next_at, excluded.due_at, excluded.computed_at))
                      AS k (kept, next_at, due_at, computed_at)
                WHERE k.kept = (s.next_at IS NOT NULL
                    AND automations.timing_of(s.config) = automations.timing_of(excluded.config)))
     WHERE (s.config, s.held) IS DISTINCT FROM (excluded.config, excluded.held)
        OR s.next_at IS NULL AND excluded.next_at IS NOT NULL;
END
$$;
