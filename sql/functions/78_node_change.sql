-- Updates (`given` is an object) or deletes (`given` is null) the account's rows that match a node's `where`. Rows
-- must belong to the account before and after. Returns how many there were and the first thousand of them.
CREATE FUNCTION automations.node_change(account_id uuid, table_name text, filter jsonb, given jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
    w record;
    changes text;
    types text;
    statement text;
    result jsonb;
    ok boolean;
BEGIN
    SELECT * INTO t FROM automations.node_table(table_name);
    SELECT * INTO w FROM automations.node_where(t.tab, filter);
    IF w.bound = '[]' THEN
        RAISE EXCEPTION 'update and delete need a where' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF given IS NULL THEN
        statement := format('DELETE FROM %s t WHERE %s AND (%s) RETURNING to_jsonb(t.*) AS row, true AS ok',
                            t.tab, t.owned, w.condition);
    ELSE
        IF jsonb_typeof(given) <> 'object' OR given = '{}' THEN
            RAISE EXCEPTION 'values must be an object that names a column' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        PERFORM automations.node_references(account_id, t.tab, given);
        SELECT string_agg(format('%1$I = r.%1$I', c.name), ', '), string_agg(format('%I %s', c.name, c.type), ', ')
        INTO changes, types
        FROM automations.node_columns(t.tab, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(given) k), true) c;
        statement := format('UPDATE %s t SET %s FROM jsonb_to_record($3) AS r (%s) WHERE %s AND (%s) '
                            'RETURNING to_jsonb(t.*) AS row, %s AS ok',
                            t.tab, changes, types, t.owned, w.condition, t.owned);
    END IF;
    PERFORM automations.node_use_application_path();
    EXECUTE format('WITH done AS (%s) SELECT coalesce(bool_and(d.ok IS TRUE), true), jsonb_build_object('
                   '''count'', count(*), ''rows'', (SELECT coalesce(jsonb_agg(f.row), ''[]'') FROM ('
                   'SELECT row FROM done LIMIT 1000) f)) FROM done d', statement)
    INTO ok, result USING account_id, w.bound, given;
    IF NOT ok THEN
        RAISE EXCEPTION 'a row of % must stay in the account of the automation', t.tab
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN result;
END
$$;
