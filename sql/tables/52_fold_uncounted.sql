-- Adds the statistics that had to wait for somebody's lock. Whoever is still locked goes on waiting. The daemon calls
-- it each minute; SECURITY DEFINER, because counting into automations belongs to their owner.
CREATE OR REPLACE FUNCTION automations.fold_uncounted() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    folded integer;
BEGIN
    IF NOT EXISTS (SELECT FROM automations.uncounted) THEN
        RETURN 0;
    END IF;
    WITH free AS (
        SELECT a.id FROM public.automations a
         WHERE a.id IN (SELECT u.automation_id FROM automations.uncounted u)
         ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM automations.uncounted u
         WHERE u.automation_id IN (SELECT id FROM free)
            OR NOT EXISTS (SELECT FROM public.automations a WHERE a.id = u.automation_id)
        RETURNING u.*
    ), sums AS (
        SELECT t.automation_id, sum(t.executions)::integer AS executions, max(t.last_executed_at) AS at,
               (array_agg(t.last_execution_status ORDER BY t.last_executed_at DESC))[1] AS status
          FROM taken t GROUP BY t.automation_id
    )
    UPDATE public.automations a
       SET execution_count = a.execution_count + s.executions,
           last_executed_at = greatest(a.last_executed_at, s.at),
           last_execution_status = CASE WHEN a.last_executed_at > s.at THEN a.last_execution_status
                                        ELSE s.status END
      FROM sums s WHERE a.id = s.automation_id;
    GET DIAGNOSTICS folded = ROW_COUNT;
    RETURN folded;
END
$$;
REVOKE ALL ON FUNCTION automations.fold_uncounted() FROM PUBLIC;
