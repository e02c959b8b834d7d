-- Whether one of these columns of a table is a foreign key, so that node_references has to look at its value.
CREATE FUNCTION automations.node_refers(tab regclass, names text[])
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pg_catalog.pg_constraint c
        JOIN pg_catalog.pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.conrelid = tab AND f.attname = ANY (names));
END
$$;
