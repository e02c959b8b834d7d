-- Counts executions that end by an UPDATE into their automations, once per statement and not per row: the daemon ends them
-- in batches, and a count of its own for each would make the automation's row the bottleneck. Test runs do not count.
-- What is inserted with its end is counted by whoever inserts it (create_executions), and nobody else's rows are: a
-- restored history counts nothing. SECURITY DEFINER, because whoever ends an execution may not write automations.
CREATE OR REPLACE FUNCTION public.update_automation_stats() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    ended record;
BEGIN
    SELECT array_agg(n.automation_id) AS automations, array_agg(n.status) AS statuses, array_agg(n.error_code) AS codes,
           array_agg(n.completed_at) AS times
      INTO ended
      FROM after_update n JOIN before_update o ON o.id = n.id
     WHERE n.status IN ('completed', 'failed') AND o.status NOT IN ('completed', 'failed', 'cancelled')
       AND NOT n.test_mode;
    IF ended.automations IS NOT NULL THEN
        PERFORM automations.count_executions(ended.automations, ended.statuses, ended.codes, ended.times);
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION public.update_automation_stats() FROM PUBLIC;
CREATE OR REPLACE TRIGGER update_automation_stats AFTER UPDATE ON public.automation_executions
    REFERENCING OLD TABLE AS before_update NEW TABLE AS after_update
    FOR EACH STATEMENT EXECUTE FUNCTION public.update_automation_stats();
