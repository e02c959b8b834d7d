-- Counts executions that ended into their automations, once per statement and not per row: the daemon ends them in
-- batches, and a count of its own for each would make the automation's row the bottleneck. Test runs do not count. An
-- automation whose row somebody else has locked is not waited for: what it missed goes to automations.uncounted,
-- from where maintain() adds it. SECURITY DEFINER, because whoever ends an execution may not write automations.
CREATE OR REPLACE FUNCTION public.update_automation_stats() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH ended AS MATERIALIZED (
        SELECT n.automation_id, count(*)::integer AS executions, max(n.completed_at) AS at,
               (array_agg(n.status ORDER BY n.completed_at DESC NULLS LAST))[1] AS status
          FROM after_update n JOIN before_update o ON o.id = n.id
         WHERE n.status IN ('completed', 'failed') AND o.status NOT IN ('completed', 'failed', 'cancelled')
           AND NOT n.test_mode
         GROUP BY n.automation_id
    ), free AS MATERIALIZED (
        SELECT a.id FROM public.automations a
         WHERE a.id IN (SELECT e.automation_id FROM ended e)
         ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED
    ), counted AS (
        UPDATE public.automations a
           SET execution_count = a.execution_count + e.executions,
               last_executed_at = greatest(a.last_executed_at, e.at),
               last_execution_status = CASE WHEN a.last_executed_at > e.at THEN a.last_execution_status
                                            ELSE e.status END
          FROM ended e JOIN free f ON f.id = e.automation_id
         WHERE a.id = e.automation_id
    )
    INSERT INTO automations.uncounted (automation_id, executions, last_executed_at, last_execution_status)
    SELECT e.automation_id, e.executions, e.at, e.status
      FROM ended e WHERE e.automation_id NOT IN (SELECT f.id FROM free f);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION public.update_automation_stats() FROM PUBLIC;
CREATE OR REPLACE TRIGGER update_automation_stats AFTER UPDATE ON public.automation_executions
    REFERENCING OLD TABLE AS before_update NEW TABLE AS after_update
    FOR EACH STATEMENT EXECUTE FUNCTION public.update_automation_stats();
