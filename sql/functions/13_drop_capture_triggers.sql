-- Takes capture() off a table and, if it is partitioned, off its leaves.
CREATE FUNCTION automations.drop_capture_triggers(tab regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT g.tgname, g.tgrelid::regclass AS rel FROM pg_trigger g
         WHERE g.tgname IN ('automations_capture_insert', 'automations_capture_update', 'automations_capture_delete')
           AND (g.tgrelid = tab OR g.tgrelid IN (SELECT t.relid FROM pg_partition_tree(tab) t))
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', old.tgname, old.rel);
    END LOOP;
END
$$;
