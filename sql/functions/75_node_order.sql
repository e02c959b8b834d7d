-- A node's `orderBy` as SQL: a column, "column desc", {"column", "direction"}, or a list of these.
CREATE FUNCTION automations.node_order(tab regclass, order_by jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    items jsonb := CASE jsonb_typeof(coalesce(order_by, 'null'))
        WHEN 'array' THEN order_by WHEN 'null' THEN '[]' ELSE jsonb_build_array(order_by) END;
    item jsonb;
    words text[];
    sorted text[] := '{}';
BEGIN
    FOR item IN SELECT e.value FROM jsonb_array_elements(items) e LOOP
        words := CASE jsonb_typeof(item)
            WHEN 'object' THEN ARRAY[item ->> 'column', coalesce(item ->> 'direction', 'asc')]
            ELSE regexp_match(item #>> '{}', '^(.*?)(?:\s+(asc|desc))?$', 'i')
        END;
        PERFORM automations.node_columns(tab, words[1:1], false);
        IF lower(coalesce(words[2], 'asc')) NOT IN ('asc', 'desc') THEN
            RAISE EXCEPTION 'there is no direction %', quote_literal(words[2]) USING ERRCODE = 'invalid_parameter_value';
        END IF;
        sorted := sorted || format('t.%I %s', words[1], lower(coalesce(words[2], 'asc')));
    END LOOP;
    RETURN CASE WHEN sorted = '{}' THEN '' ELSE 'ORDER BY ' || array_to_string(sorted, ', ') END;
END
$$;
