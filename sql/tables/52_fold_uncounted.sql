-- Adds the statistics that had to wait for somebody's lock. Whoever is still locked goes on waiting. The daemon calls
-- it each minute; SECURITY DEFINER, because counting into automations belongs to their owner.
CREATE OR REPLACE FUNCTION automations.fold_uncounted() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    free uuid[];
    counts jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM automations.uncounted) THEN
        RETURN 0;
    END IF;
    free := ARRAY(
        SELECT a.id FROM public.automations a
         WHERE a.id IN (SELECT u.automation_id FROM automations.uncounted u)
         ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED);
    WITH taken AS (
        DELETE FROM automations.uncounted u
         WHERE u.automation_id = ANY (free)
            OR NOT EXISTS (SELECT FROM public.automations a WHERE a.id = u.automation_id)
        RETURNING u.*
    )
    SELECT jsonb_agg(jsonb_build_object('a', t.automation_id, 'n', t.executions, 'f', t.failures,
                                        'at', t.last_executed_at, 's', t.last_execution_status))
      INTO counts FROM taken t;
    RETURN CASE WHEN counts IS NULL THEN 0 ELSE automations.count_ended(counts) END;
END
$$;
REVOKE ALL ON FUNCTION automations.fold_uncounted() FROM PUBLIC;
