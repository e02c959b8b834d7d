-- Drops a week of history. It waits 50 ms for its locks, because an insert into leads would queue behind it; what it
-- does not get, the next clean-up tries again. Returns how many executions went. Everything that takes long comes
-- before the locks, and nothing after them: the week of steps is left to maintain().
CREATE OR REPLACE FUNCTION automations.drop_passed_partition(leaf regclass) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    rows integer;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s', leaf) INTO rows;
    BEGIN
        EXECUTE format('DROP TABLE %s', leaf);
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        RETURN 0;
    END;
    RETURN rows;
END
$$;
REVOKE ALL ON FUNCTION automations.drop_passed_partition(regclass) FROM PUBLIC;
