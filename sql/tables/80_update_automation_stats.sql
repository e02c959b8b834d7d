-- Counts executions that ended into their automations, once per statement and not per row: the daemon ends them in
-- batches, and a count of its own for each would make the automation's row the bottleneck. Test runs do not count. An
-- automation whose row somebody else keeps locked is not waited for (79): what it missed goes to automations.uncounted,
-- from where the next end of one of its executions adds it, or fold_uncounted(). SECURITY DEFINER, because whoever
-- ends an execution may not write automations.
CREATE OR REPLACE FUNCTION public.update_automation_stats() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted uuid[] := ARRAY(
        SELECT DISTINCT n.automation_id FROM after_update n JOIN before_update o ON o.id = n.id
         WHERE n.status IN ('completed', 'failed') AND o.status NOT IN ('completed', 'failed', 'cancelled')
           AND NOT n.test_mode);
    free uuid[];
    counts jsonb;
BEGIN
    IF wanted = '{}' THEN
        RETURN NULL;
    END IF;
    free := automations.lock_to_count(wanted);
    WITH ended AS (
        SELECT n.automation_id, n.status, n.completed_at,
               n.status = 'failed' AND n.error_code IS DISTINCT FROM 'interrupted' AS failure,
               row_number() OVER (PARTITION BY n.automation_id ORDER BY n.completed_at, n.id)
             - row_number() OVER (PARTITION BY n.automation_id, n.status ORDER BY n.completed_at, n.id) AS in_a_row
          FROM after_update n JOIN before_update o ON o.id = n.id
         WHERE n.status IN ('completed', 'failed') AND o.status NOT IN ('completed', 'failed', 'cancelled')
           AND NOT n.test_mode
    ), given AS MATERIALIZED (
        SELECT e.automation_id, count(*)::integer AS executions, max(e.completed_at) AS at, e.status,
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
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION public.update_automation_stats() FROM PUBLIC;
CREATE OR REPLACE TRIGGER update_automation_stats AFTER UPDATE ON public.automation_executions
    REFERENCING OLD TABLE AS before_update NEW TABLE AS after_update
    FOR EACH STATEMENT EXECUTE FUNCTION public.update_automation_stats();
