-- The columns of a table that a node names, with their types as SQL; an unknown one is refused by name. For writing
-- also those that cannot be given a value.
CREATE FUNCTION automations.node_columns(tab regclass, names text[], writing boolean)
RETURNS TABLE (name text, type text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text;
    a record;
BEGIN
    FOREACH wanted IN ARRAY coalesce(names, '{}') LOOP
        SELECT c.attgenerated, c.attidentity, format_type(c.atttypid, c.atttypmod) AS type INTO a
        FROM pg_catalog.pg_attribute c
        WHERE c.attrelid = tab AND c.attname = wanted AND c.attnum > 0 AND NOT c.attisdropped;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% has no column %', tab, quote_nullable(wanted) USING ERRCODE = 'undefined_column';
        ELSIF writing AND (a.attgenerated <> '' OR a.attidentity = 'a') THEN
            RAISE EXCEPTION 'column % of % is generated and cannot be written', quote_ident(wanted), tab
                USING ERRCODE = 'generated_always';
        END IF;
        name := wanted;
        type := a.type;
        RETURN NEXT;
    END LOOP;
END
$$;
