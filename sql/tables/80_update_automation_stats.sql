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
BEGIN
    IF wanted = '{}' THEN
        RETURN NULL;
    END IF;
    free := automations.lock_to_count(wanted);
    WITH ended AS MATERIALIZED (
        SELECT n.automation_id, count(*)::integer AS executions, max(n.completed_at) AS at,
               (array_agg(n.status ORDER BY n.completed_at DESC NULLS LAST))[1] AS status
          FROM after_update n JOIN before_update o ON o.id = n.id
         WHERE n.status IN ('completed', 'failed') AND o.status NOT IN ('completed', 'failed', 'cancelled')
           AND NOT n.test_mode
         GROUP BY n.automation_id
    ), late AS (
        DELETE FROM automations.uncounted u WHERE u.automation_id = ANY (free)
        RETURNING u.automation_id, u.executions, u.last_executed_at AS at, u.last_execution_status AS status
    ), counts AS (
        SELECT e.* FROM ended e WHERE e.automation_id = ANY (free) UNION ALL SELECT l.* FROM late l
    ), sums AS (
        SELECT c.automation_id, sum(c.executions)::integer AS executions, max(c.at) AS at,
               (array_agg(c.status ORDER BY c.at DESC NULLS LAST))[1] AS status
          FROM counts c GROUP BY c.automation_id
    ), counted AS (
        UPDATE public.automations a
           SET execution_count = a.execution_count + s.executions,
               last_executed_at = greatest(a.last_executed_at, s.at),
               last_execution_status = CASE WHEN a.last_executed_at > s.at THEN a.last_execution_status
                                            ELSE s.status END
          FROM sums s WHERE a.id = s.automation_id
    )
    INSERT INTO automations.uncounted (automation_id, executions, last_executed_at, last_execution_status)
    SELECT e.automation_id, e.executions, e.at, e.status FROM ended e WHERE e.automation_id <> ALL (free);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION public.update_automation_stats() FROM PUBLIC;
CREATE OR REPLACE TRIGGER update_automation_stats AFTER UPDATE ON public.automation_executions
    REFERENCING OLD TABLE AS before_update NEW TABLE AS after_update
    FOR EACH STATEMENT EXECUTE FUNCTION public.update_automation_stats();
