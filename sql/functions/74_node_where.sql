-- A node's `where` as a condition on a row `t`: {"column": value} or [{"column", "operator", "value"}], joined by
-- AND. The condition holds catalogue names and positions in $2 only; the values stay in `bound`, which is to be
-- given as $2, and PostgreSQL casts each to its column's type.
CREATE FUNCTION automations.node_where(tab regclass, filter jsonb, OUT condition text, OUT bound jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r record;
    c record;
    one text;
    single text;
    list text;
BEGIN
    bound := CASE jsonb_typeof(coalesce(filter, '{}'))
        WHEN 'object' THEN (
            SELECT coalesce(jsonb_agg(jsonb_build_object('column', e.key, 'operator', 'equals', 'value', e.value)
                                      ORDER BY e.key), '[]')
            FROM jsonb_each(coalesce(filter, '{}')) e)
        ELSE filter
    END;
    IF jsonb_typeof(bound) <> 'array' THEN
        RAISE EXCEPTION 'where must be an object or a list' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    condition := 'true';
    FOR r IN
        SELECT e.place - 1 AS place, e.rule ->> 'column' AS name, coalesce(e.rule ->> 'operator', 'equals') AS operator,
               coalesce(jsonb_typeof(e.rule -> 'value'), 'null') AS kind
        FROM jsonb_array_elements(bound) WITH ORDINALITY AS e (rule, place)
    LOOP
        SELECT n.name, n.type INTO c FROM automations.node_columns(tab, ARRAY[r.name], false) n;
        single := format('(SELECT v.v FROM jsonb_to_record(jsonb_build_object(''v'', $2 -> %s -> ''value'')) AS v (v %s))',
                         r.place, c.type);
        list := format('ARRAY(SELECT v.v FROM jsonb_array_elements($2 -> %s -> ''value'') AS e, '
                       'jsonb_to_record(jsonb_build_object(''v'', e)) AS v (v %s))', r.place, c.type);
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
            WHEN 'contains' THEN CASE WHEN c.type = 'jsonb' THEN 't.%1$I @> ($2 -> %4$s -> ''value'')'
                ELSE 'strpos(t.%1$I::text, $2 -> %4$s ->> ''value'') > 0' END
            WHEN 'starts_with' THEN 'starts_with(t.%1$I::text, $2 -> %4$s ->> ''value'')'
        END;
        IF one IS NULL THEN
            RAISE EXCEPTION 'there is no operator %', quote_nullable(r.operator)
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        condition := condition || ' AND ' || format(one, r.name, single, list, r.place);
    END LOOP;
END
$$;
