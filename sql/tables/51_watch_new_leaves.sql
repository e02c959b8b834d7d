-- Puts the capture triggers on leaves that a watched partitioned table got since watch(): an insert straight into
-- a leaf fires only there (D4). Returns how many leaves were mended.
CREATE OR REPLACE FUNCTION automations.watch_new_leaves() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf regclass;
    mended integer := 0;
BEGIN
    FOR leaf IN
        SELECT t.relid
          FROM automations.sources s
          JOIN pg_class c ON c.oid = s.tab AND c.relkind = 'p',
               pg_partition_tree(s.tab) AS t
         WHERE s.source IS NOT NULL AND t.relid <> s.tab
           AND EXISTS (SELECT FROM pg_trigger w WHERE w.tgrelid = s.tab AND w.tgname = 'automations_capture_insert')
           AND NOT EXISTS (SELECT FROM pg_trigger w
                            WHERE w.tgrelid = t.relid AND w.tgname = 'automations_capture_insert')
           AND pg_has_role(current_user, (SELECT l.relowner FROM pg_class l WHERE l.oid = t.relid), 'USAGE')
    LOOP
        BEGIN
            PERFORM automations.put_capture_triggers(leaf);
            mended := mended + 1;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END LOOP;
    RETURN mended;
END
$$;
REVOKE ALL ON FUNCTION automations.watch_new_leaves() FROM PUBLIC;
