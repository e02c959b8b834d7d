-- The statements with which a node updates (`given` is an object) or deletes (`given` is null) the account's rows that
-- match its `where`. Rows must belong to the account before and after. $1 is the account, $2 the `where`, $3 the
-- values. `change` gives a row for each: whether it belongs to the account (`ok`) and itself; `statement` one for all:
-- how many there were and the first thousand of them.
CREATE FUNCTION automations.node_change_statement(
    table_name text, filter jsonb, given jsonb, OUT tab regclass, OUT about oid[], OUT refers boolean, OUT change text,
    OUT statement text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
    names text[];
    changes text;
    read text;
BEGIN
    SELECT * INTO t FROM automations.node_table(table_name);
    tab := t.tab;
    about := t.about;
    IF coalesce(filter, 'null') IN ('null', '{}', '[]') THEN
        RAISE EXCEPTION 'update and delete need a where' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF given IS NULL THEN
        refers := false;
        change := format('DELETE FROM %s t WHERE %s AND (%s) RETURNING true AS ok, to_jsonb(t.*) AS row',
                         tab, automations.node_owner(tab, t.owned, filter), automations.node_where(tab, filter));
    ELSE
        IF jsonb_typeof(given) <> 'object' OR given = '{}' THEN
            RAISE EXCEPTION 'values must be an object that names a column' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        names := ARRAY(SELECT k FROM jsonb_object_keys(given) k ORDER BY k);
        SELECT CASE
                   WHEN bool_and(c.read IS NOT NULL) THEN
                       string_agg(format('%I = %s', c.name, format(c.read, format('$3 -> %L', c.name))), ', ')
                   ELSE string_agg(format('%1$I = r.%1$I', c.name), ', ')
               END,
               CASE WHEN bool_and(c.read IS NOT NULL) THEN ''
                    ELSE format('FROM jsonb_to_record($3) AS r (%s)', string_agg(format('%I %s', c.name, c.type), ', '))
               END
        INTO changes, read
        FROM automations.node_columns(tab, names, true) c;
        refers := automations.node_refers(tab, names);
        change := format('UPDATE %s t SET %s %s WHERE %s AND (%s) RETURNING %s AS ok, to_jsonb(t.*) AS row',
                         tab, changes, read, automations.node_owner(tab, t.owned, filter),
                         automations.node_where(tab, filter), t.owned);
    END IF;
    statement := format('WITH done AS (%s) SELECT coalesce(bool_and(d.ok IS TRUE), true) AS ok, jsonb_build_object('
                        '''count'', count(*), ''rows'', (SELECT coalesce(jsonb_agg(f.row), ''[]'') FROM ('
                        'SELECT row FROM done LIMIT 1000) f)) AS row FROM done d', change);
END
$$;
