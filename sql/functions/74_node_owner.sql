-- The condition under which rows of a node's `where` belong to the account: `owned` as node_table() gives it. Where the
-- `where` names one row by a unique column, it must not be looked for by the owner: a plan that was made while the table
-- was small is kept, and would read all rows of the account each time (seen). IS TRUE says the same, and no index serves it.
CREATE FUNCTION automations.node_owner(tab regclass, owned text, filter jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = tab AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
          AND a.attname IN (
            SELECT e.key FROM jsonb_each(CASE jsonb_typeof(filter) WHEN 'object' THEN filter END) e
            WHERE jsonb_typeof(e.value) NOT IN ('null', 'array')
            UNION ALL
            SELECT e.rule ->> 'column'
            FROM jsonb_array_elements(CASE jsonb_typeof(filter) WHEN 'array' THEN filter END) AS e (rule)
            WHERE coalesce(e.rule ->> 'operator', 'equals') = 'equals'
              AND jsonb_typeof(e.rule -> 'value') NOT IN ('null', 'array'))) THEN
        RETURN format('(%s) IS TRUE', owned);
    END IF;
    RETURN owned;
END
$$;
