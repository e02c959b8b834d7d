-- A node's settings as the values of a row: automations.settings names the table that a node type writes and, for
-- each setting of the node, the column. Settings that are not given, null or empty text leave the column's default.
CREATE FUNCTION automations.node_fields(setting text, config jsonb, OUT table_name text, OUT given jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mapping jsonb := (SELECT s.value FROM automations.settings s WHERE s.name = setting);
BEGIN
    table_name := mapping ->> 'table';
    IF table_name IS NULL THEN
        RAISE EXCEPTION 'automations.settings names no table for %', setting USING ERRCODE = 'undefined_table';
    END IF;
    SELECT coalesce(jsonb_object_agg(m.value, config -> m.key), '{}') INTO given
    FROM jsonb_each_text(mapping -> 'columns') m
    WHERE config -> m.key NOT IN ('null', '""');
END
$$;
