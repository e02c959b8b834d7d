-- Puts capture() on one table: one trigger for each event, because transition tables allow no more. A trigger that
-- is there already stays.
CREATE FUNCTION automations.put_capture_triggers(tab regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    put record;
BEGIN
    FOR put IN
        SELECT * FROM (VALUES
            ('automations_capture_insert', 'INSERT', 'NEW TABLE AS new_rows'),
            ('automations_capture_update', 'UPDATE', 'OLD TABLE AS old_rows NEW TABLE AS new_rows'),
            ('automations_capture_delete', 'DELETE', 'OLD TABLE AS old_rows')) AS t (name, event, tables)
         WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = tab AND g.tgname = t.name)
    LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT '
                       'EXECUTE FUNCTION automations.capture()', put.name, put.event, tab, put.tables);
    END LOOP;
END
$$;
