-- Inserts one row for a node; with `conflict` columns it updates the row that is there already. The owner's column is
-- filled when it is missing and may not name anybody else; the row must belong to the account afterwards, and one of
-- another account is never updated.
CREATE FUNCTION automations.node_insert(account_id uuid, table_name text, given jsonb, conflict text[])
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
    names text;
    types text;
    changes text;
    upsert text := '';
    result jsonb;
    ok boolean;
BEGIN
    SELECT * INTO t FROM automations.node_table(table_name);
    IF jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'values must be an object' USING ERRCODE = 'invalid_parameter_value';
    ELSIF t.fill IS NOT NULL AND given ->> t.fill IS NULL THEN
        given := given || jsonb_build_object(t.fill, account_id);
    END IF;
    SELECT string_agg(quote_ident(c.name), ', '), string_agg(format('%I %s', c.name, c.type), ', '),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ') FILTER (
               WHERE c.name <> ALL (coalesce(conflict, '{}')) OR c.name = conflict[1])
    INTO names, types, changes
    FROM automations.node_columns(t.tab, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(given) k), true) c;
    IF conflict IS NOT NULL THEN
        upsert := format('ON CONFLICT (%s) DO UPDATE SET %s WHERE %s',
            (SELECT string_agg(quote_ident(c.name), ', ') FROM automations.node_columns(t.tab, conflict, false) c),
            changes, t.owned);
    END IF;
    PERFORM automations.node_references(account_id, t.tab, given);
    PERFORM automations.node_use_application_path();
    EXECUTE CASE
        WHEN names IS NULL THEN
            format('INSERT INTO %s AS t DEFAULT VALUES RETURNING to_jsonb(t.*), %s', t.tab, t.owned)
        ELSE
            format('INSERT INTO %s AS t (%s) SELECT %s FROM jsonb_to_record($2) AS r (%s) %s '
                   'RETURNING to_jsonb(t.*), %s', t.tab, names, names, types, upsert, t.owned)
        END
    INTO result, ok USING account_id, given;
    IF result IS NULL THEN
        RAISE EXCEPTION 'a row with this key is there already' USING ERRCODE = 'unique_violation';
    ELSIF ok IS NOT TRUE THEN
        RAISE EXCEPTION 'a row of % must belong to the account of the automation', t.tab
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN result;
END
$$;
