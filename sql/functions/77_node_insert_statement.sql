-- The statement with which a node inserts one row; with `conflict` columns it updates the row that is there already.
-- The owner's column is filled when it is missing and may not name anybody else; the row must belong to the account
-- afterwards, and one of another account is never updated. $1 is the account, $3 the values; it gives whether the row
-- belongs to the account (`ok`) and the row, and nothing where the row that is there belongs to another.
CREATE FUNCTION automations.node_insert_statement(
    table_name text, given jsonb, conflict text[], OUT tab regclass, OUT about oid[], OUT refers boolean,
    OUT statement text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
    given_names text[];
    names text;
    types text;
    changes text;
    filled text := '$3';
    upsert text := '';
BEGIN
    SELECT * INTO t FROM automations.node_table(table_name);
    tab := t.tab;
    about := t.about;
    IF jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'values must be an object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    given_names := ARRAY(SELECT k FROM jsonb_object_keys(given) k ORDER BY k);
    IF t.fill IS NOT NULL AND given ->> t.fill IS NULL THEN
        given_names := array_remove(given_names, t.fill) || t.fill;
        filled := format('$3 || jsonb_build_object(%L, $1)', t.fill);
    END IF;
    SELECT string_agg(quote_ident(c.name), ', '), string_agg(format('%I %s', c.name, c.type), ', '),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ') FILTER (
               WHERE c.name <> ALL (coalesce(conflict, '{}')) OR c.name = conflict[1])
    INTO names, types, changes
    FROM automations.node_columns(tab, given_names, true) c;
    IF conflict IS NOT NULL THEN
        upsert := format('ON CONFLICT (%s) DO UPDATE SET %s WHERE %s',
            (SELECT string_agg(quote_ident(c.name), ', ') FROM automations.node_columns(tab, conflict, false) c),
            changes, t.owned);
    END IF;
    refers := automations.node_refers(tab, given_names);
    statement := CASE
        WHEN names IS NULL THEN
            format('INSERT INTO %s AS t DEFAULT VALUES RETURNING %s AS ok, to_jsonb(t.*) AS row', tab, t.owned)
        ELSE
            format('INSERT INTO %s AS t (%s) SELECT %s FROM jsonb_to_record(%s) AS r (%s) %s '
                   'RETURNING %s AS ok, to_jsonb(t.*) AS row', tab, names, names, filled, types, upsert, t.owned)
        END;
END
$$;
