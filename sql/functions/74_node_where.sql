-- A node's `where` as a condition on a row `t`: {"column": value} or [{"column", "operator", "value"}], joined by
-- AND. The condition holds catalogue names and positions in $2 only; the values stay in the `where`, which is to be
-- given as $2, and PostgreSQL casts each to its column's type. Filters that differ in nothing but their values, and
-- these not in being null or a list, give the same text (extension/src/tenant/shape.rs).
CREATE FUNCTION automations.node_where(tab regclass, filter jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rules jsonb := coalesce(filter, '{}');
    condition text := 'true';
    r record;
    c record;
    one text;
    single text;
    list text;
BEGIN
    IF jsonb_typeof(rules) NOT IN ('object', 'array') THEN
        RAISE EXCEPTION 'where must be an object or a list' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR r IN
        SELECT f.name, f.operator, f.way, coalesce(jsonb_typeof(f.value), 'null') AS kind
        FROM (
            SELECT e.key AS name, 'equals' AS operator, e.value, format('$2 -> %L', e.key) AS way, 0 AS place
            FROM jsonb_each(CASE jsonb_typeof(rules) WHEN 'object' THEN rules END) e
            UNION ALL
            SELECT e.rule ->> 'column', coalesce(e.rule ->> 'operator', 'equals'), e.rule -> 'value',
                   format('$2 -> %s -> ''value''', e.place - 1), e.place
            FROM jsonb_array_elements(CASE jsonb_typeof(rules) WHEN 'array' THEN rules END)
                WITH ORDINALITY AS e (rule, place)) f
        ORDER BY f.place, f.name
    LOOP
        SELECT n.* INTO c FROM automations.node_columns(tab, ARRAY[r.name], false) n;
        -- (SELECT ...): read once, and not again for each row
        single := format('(SELECT %s)', coalesce(
            format(c.read, r.way), format('v.v FROM jsonb_to_record(jsonb_build_object(''v'', %s)) AS v (v %s)', r.way, c.type)));
        list := format('ARRAY(SELECT v.v FROM jsonb_array_elements(%s) AS e, '
                       'jsonb_to_record(jsonb_build_object(''v'', e)) AS v (v %s))', r.way, c.type);
        IF r.operator IN ('in', 'not_in') AND r.kind <> 'array' THEN
            RAISE EXCEPTION 'operator % needs a list', r.operator USING ERRCODE = 'invalid_parameter_value';
        END IF;
        one := CASE r.operator
            WHEN 'equals' THEN CASE r.kind WHEN 'null' THEN 't.%1$I IS NULL' ELSE 't.%1$I = %2$s' END
            WHEN 'not_equals' THEN 't.%1$I IS DISTINCT FROM %2$s'
            WHEN 'gt' THEN 't.%1$I > %2$s'
            WHEN 'gte' THEN 't.%1$I >= %2$s'
            WHEN 'lt' THEN 't.%1$I < %2$s'
            WHEN 'lte' THEN 't.%1$I <= %2$s'
            WHEN 'in' THEN 't.%1$I = ANY (%3$s)'
            WHEN 'not_in' THEN '(t.%1$I = ANY (%3$s)) IS NOT TRUE'
            WHEN 'is_null' THEN 't.%1$I IS NULL'
            WHEN 'is_not_null' THEN 't.%1$I IS NOT NULL'
            WHEN 'contains' THEN CASE WHEN c.type = 'jsonb' THEN 't.%1$I @> (%4$s)'
                ELSE 'strpos(t.%1$I::text, (%4$s) #>> ''{}'') > 0' END
            WHEN 'starts_with' THEN 'starts_with(t.%1$I::text, (%4$s) #>> ''{}'')'
        END;
        IF one IS NULL THEN
            RAISE EXCEPTION 'there is no operator %', quote_nullable(r.operator)
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        condition := condition || ' AND ' || format(one, r.name, single, list, r.way);
    END LOOP;
    RETURN condition;
END
$$;
