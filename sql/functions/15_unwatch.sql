-- Stops capturing a table. Automations that listened to it stay as they are and hear nothing; database nodes lose
-- the table too, unless allow_table() is called again.
CREATE FUNCTION automations.unwatch(tab regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM automations.drop_capture_triggers(tab);
    DELETE FROM automations.sources s WHERE s.tab = unwatch.tab;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table % is not watched', tab USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM automations.set_listeners(NULL);
END
$$;
