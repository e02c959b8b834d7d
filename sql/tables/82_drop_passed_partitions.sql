-- Drops weeks of history, and then the weeks of steps whose executions are all gone (keep_partitions). Each drop waits
-- 50 ms for its locks, because an insert into leads would queue behind it; what it does not get, the next clean-up
-- tries again. Returns how many executions went.
CREATE OR REPLACE FUNCTION automations.drop_passed_partitions(passed regclass[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    leaf regclass;
    rows integer;
    gone integer := 0;
BEGIN
    FOREACH leaf IN ARRAY passed LOOP
        BEGIN
            EXECUTE format('SELECT count(*) FROM %s', leaf) INTO rows;
            EXECUTE format('DROP TABLE %s', leaf);
            gone := gone + rows;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END LOOP;
    PERFORM automations.keep_partitions();
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION automations.drop_passed_partitions(regclass[]) FROM PUBLIC;
