-- The name of the table behind a source (lead, conversation), as node_table takes it; an error that says what to do
-- when the installation has none.
CREATE FUNCTION automations.node_source_table(source text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found text := (SELECT s.tab::text FROM automations.sources s WHERE s.source = node_source_table.source);
BEGIN
    IF found IS NULL THEN
        RAISE EXCEPTION 'there is no table for the source %', quote_nullable(source)
            USING ERRCODE = 'undefined_table', HINT = 'SELECT automations.watch(...) says which one it is.';
    END IF;
    RETURN found;
END
$$;
