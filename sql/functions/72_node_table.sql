-- The table that a node names, if automations may use it: watch() or allow_table() registered it, under its name or
-- schema.name. `owned` is the condition under which a row `t` belongs to the account $1, made of catalogue names
-- only; `fill` is the column that says so directly, null where a foreign key leads to the owner or all share it.
-- `about`: the tables that it names.
CREATE FUNCTION automations.node_table(
    table_name text, OUT tab regclass, OUT fill text, OUT owned text, OUT about oid[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    BEGIN
        SELECT r.* INTO STRICT s
        FROM automations.sources r
        JOIN pg_catalog.pg_class c ON c.oid = r.tab
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE table_name IN (n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname))
           -- a bare name means the one in public where there are several
           OR (table_name IN (c.relname, quote_ident(c.relname)) AND (n.nspname = 'public' OR NOT EXISTS (
                SELECT FROM automations.sources o JOIN pg_catalog.pg_class oc ON oc.oid = o.tab
                WHERE o.tab <> r.tab AND oc.relname = c.relname)));
    EXCEPTION
        WHEN no_data_found THEN
            RAISE EXCEPTION 'automations may not use a table %', quote_nullable(table_name)
                USING ERRCODE = 'insufficient_privilege',
                HINT = 'The owner of the tables can allow it: SELECT automations.allow_table(...).';
        WHEN too_many_rows THEN
            RAISE EXCEPTION 'there are several tables %', quote_nullable(table_name)
                USING ERRCODE = 'ambiguous_alias', HINT = 'Name its schema, too.';
    END;
    tab := s.tab;
    about := array_remove(ARRAY[s.tab, s.owner_table]::oid[], NULL);
    IF s.owner_column IS NULL THEN
        owned := 'true';
    ELSIF s.owner_table IS NULL THEN
        fill := s.owner_column;
        owned := format('t.%I = $1', s.owner_column);
    ELSE
        owned := format('EXISTS (SELECT FROM %s o WHERE o.%I = t.%I AND o.%I = $1)',
                        s.owner_table, s.owner_key, s.owner_column, s.owner_value);
    END IF;
END
$$;
