-- Reads the account's rows that match a node's `where`: at most `most` of them, 100 when it is not given, never
-- more than 1,000.
CREATE FUNCTION automations.node_find(account_id uuid, table_name text, filter jsonb, order_by jsonb, most integer)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t record;
    w record;
    result jsonb;
BEGIN
    SELECT * INTO t FROM automations.node_table(table_name);
    SELECT * INTO w FROM automations.node_where(t.tab, filter);
    EXECUTE format('SELECT coalesce(jsonb_agg(f.row), ''[]'') FROM (SELECT to_jsonb(t.*) AS row FROM %s t '
                   'WHERE %s AND (%s) %s LIMIT %s) f',
                   t.tab, t.owned, w.condition, automations.node_order(t.tab, order_by),
                   least(greatest(coalesce(most, 100), 0), 1000))
    INTO result USING account_id, w.bound;
    RETURN result;
END
$$;
