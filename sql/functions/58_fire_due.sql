-- Starts what is due of these schedules, whose rows the caller has locked, and writes when they run next. Of an automation
-- with overlap `skip` nothing is started while the last execution is not final. One whose time is still to come is not
-- due: the clock went back, and its next time is computed from now on. A fire that its schedule wants to `keep` is an
-- event as well, named by its `cron`.
CREATE FUNCTION automations.fire_due(due uuid[], moment timestamptz)
RETURNS TABLE (fired integer, left_out integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
AS $$
DECLARE
    to_keep jsonb;
BEGIN
    WITH runs AS MATERIALIZED (
        SELECT s.automation_id, s.config -> 'keep' = 'true' AS keep, d.scheduled_at, d.missed, d.next_at, d.due_at,
               CASE WHEN NOT d.skips_overlap THEN cardinality(d.scheduled_at)
                    WHEN EXISTS (SELECT FROM public.automation_executions e
                                  WHERE e.id = s.last_execution_id AND e.status IN ('pending', 'running', 'waiting'))
                    THEN 0 ELSE 1 END AS most
          FROM automations.schedules s
          LEFT JOIN LATERAL automations.due_runs(
               s.config, s.automation_id, CASE WHEN s.due_at <= moment THEN s.next_at END, moment) d ON true
         WHERE s.automation_id = ANY (due)
    ), started AS MATERIALIZED (
        -- not a join of times with schedules: planned for a few rows it reads each with each
        SELECT r.automation_id, r.keep, r.next_at, r.due_at, coalesce(cardinality(r.scheduled_at), 0) AS times, ARRAY(
                   SELECT automations.start_execution(r.automation_id,
                              jsonb_build_object(
                                  'scheduled_at', t.utc,
                                  'fired_at', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                  'missed', x.missed),
                              false, NULL, NULL, 'schedule ' || t.utc, 'schedule')
                     FROM unnest(r.scheduled_at, r.missed) WITH ORDINALITY AS x (scheduled_at, missed, place)
                    CROSS JOIN LATERAL (
                        SELECT to_char(x.scheduled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS utc) t
                    WHERE x.place <= r.most
                    ORDER BY x.place) AS ids
          FROM runs r
    ), written AS (
        UPDATE automations.schedules s
           SET next_at = t.next_at, due_at = t.due_at, computed_at = moment,
               last_execution_id = coalesce(t.ids[cardinality(t.ids)], s.last_execution_id)
          FROM started t
         WHERE s.automation_id = t.automation_id
    )
    SELECT coalesce(sum(cardinality(t.ids)), 0), coalesce(sum(t.times - cardinality(t.ids)), 0),
           jsonb_agg(to_jsonb(t.ids)) FILTER (WHERE t.keep)
      INTO fired, left_out, to_keep
      FROM started t;
    IF to_keep IS NOT NULL THEN
        PERFORM automations.keep_occurrence(e.account_id, e.id, 'schedule', btrim(s.config ->> 'cron'), e.trigger_data)
           FROM jsonb_array_elements(to_keep) AS a (ids)
          CROSS JOIN LATERAL jsonb_array_elements_text(a.ids) AS i (id)
           JOIN public.automation_executions e ON e.id = i.id::uuid
           JOIN automations.schedules s ON s.automation_id = e.automation_id;
    END IF;
    RETURN NEXT;
END
$$;
