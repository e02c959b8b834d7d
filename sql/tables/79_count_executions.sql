-- Counts executions that ended into their automations: ended at times[i] with statuses[i] and, where they failed, codes[i].
-- An automation whose row somebody else keeps locked is not waited for (lock_to_count): what it missed goes to
-- automations.uncounted, from where the next end of one of its executions adds it, or fold_uncounted(). SECURITY DEFINER,
-- because whoever ends an execution may not write automations.
CREATE OR REPLACE FUNCTION automations.count_executions(
    automation_ids uuid[], statuses text[], codes text[], times timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    last timestamptz := times[1];
    free uuid[];
    counts jsonb;
BEGIN
    IF automation_ids[1] = ALL (automation_ids) AND 'completed' = ALL (statuses) THEN
        -- of one automation, as nearly always: what follows comes down to this, and takes 40 us more for one and 200 for a group
        IF cardinality(times) > 1 THEN
            last := (SELECT max(t.t) FROM unnest(times) AS t (t));
        END IF;
        UPDATE public.automations a
           SET execution_count = least(a.execution_count::bigint + cardinality(automation_ids), 2147483647)::integer,
               last_executed_at = greatest(a.last_executed_at, last),
               last_execution_status = CASE WHEN a.last_executed_at > last THEN a.last_execution_status
                                            ELSE 'completed' END,
               failures_in_a_row = 0
         WHERE NOT EXISTS (SELECT FROM automations.uncounted u WHERE u.automation_id = automation_ids[1])
           AND a.id = (SELECT x.id FROM public.automations x WHERE x.id = automation_ids[1]
                       FOR NO KEY UPDATE SKIP LOCKED);
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    free := automations.lock_to_count(
        ARRAY(SELECT DISTINCT a FROM unnest(automation_ids) a), cardinality(automation_ids) = 1);
    IF 'completed' = ALL (statuses) AND automation_ids <@ free
        AND NOT EXISTS (SELECT FROM automations.uncounted u WHERE u.automation_id = ANY (free)) THEN
        -- most groups are such ones, and to them the rest comes down to this
        UPDATE public.automations a
           SET execution_count = least(a.execution_count::bigint + s.executions, 2147483647)::integer,
               last_executed_at = greatest(a.last_executed_at, s.at),
               last_execution_status = CASE WHEN a.last_executed_at > s.at THEN a.last_execution_status
                                            ELSE 'completed' END,
               failures_in_a_row = 0
          FROM (SELECT n.automation_id, count(*) AS executions, max(n.at) AS at
                  FROM unnest(automation_ids, times) AS n (automation_id, at) GROUP BY n.automation_id) s
         WHERE a.id = s.automation_id;
        RETURN;
    END IF;
    WITH ended AS (
        SELECT n.automation_id, n.status, n.at, n.status = 'failed' AND n.code IS DISTINCT FROM 'interrupted' AS failure,
               row_number() OVER (PARTITION BY n.automation_id ORDER BY n.at, n.place)
             - row_number() OVER (PARTITION BY n.automation_id, n.status ORDER BY n.at, n.place) AS in_a_row
          FROM unnest(automation_ids, statuses, codes, times) WITH ORDINALITY
            AS n (automation_id, status, code, at, place)
    ), given AS MATERIALIZED (
        SELECT e.automation_id, count(*)::integer AS executions, max(e.at) AS at, e.status,
               count(*) FILTER (WHERE e.failure)::integer AS failures
          FROM ended e GROUP BY e.automation_id, e.status, e.in_a_row
    ), put_off AS (
        INSERT INTO automations.uncounted (
            automation_id, executions, last_executed_at, last_execution_status, failures)
        SELECT g.automation_id, g.executions, g.at, g.status, g.failures FROM given g WHERE g.automation_id <> ALL (free)
    ), late AS (
        DELETE FROM automations.uncounted u WHERE u.automation_id = ANY (free)
        RETURNING u.automation_id, u.executions, u.last_executed_at AS at, u.last_execution_status AS status, u.failures
    )
    SELECT jsonb_agg(jsonb_build_object('a', c.automation_id, 'n', c.executions, 'f', c.failures, 'at', c.at,
                                        's', c.status))
      INTO counts
      FROM (SELECT g.* FROM given g WHERE g.automation_id = ANY (free) UNION ALL SELECT l.* FROM late l)
           AS c (automation_id, executions, at, status, failures);
    IF counts IS NOT NULL THEN
        PERFORM automations.count_ended(counts);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION automations.count_executions(uuid[], text[], text[], timestamptz[]) FROM PUBLIC;
