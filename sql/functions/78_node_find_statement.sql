-- The statement with which a node reads the account's rows that match its `where`: at most `most` of them, 100 when it
-- is not given, never more than 1,000. $1 is the account, $2 the `where`.
CREATE FUNCTION automations.node_find_statement(
    table_name text, filter jsonb, order_by jsonb, most integer, OUT tab regclass, OUT about oid[], OUT refers boolean,
    OUT statement text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
BEGIN
    SELECT * INTO t FROM automations.node_table(table_name);
    tab := t.tab;
    about := t.about;
    refers := false;
    statement := format('SELECT true AS ok, coalesce(jsonb_agg(f.row), ''[]'') AS row FROM ('
                        'SELECT to_jsonb(t.*) AS row FROM %s t WHERE %s AND (%s) %s LIMIT %s) f',
                        tab, automations.node_owner(tab, t.owned, filter), automations.node_where(tab, filter),
                        automations.node_order(tab, order_by),
                        least(greatest(coalesce(most, 100), 0), 1000));
END
$$;
