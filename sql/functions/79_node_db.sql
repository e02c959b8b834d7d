-- What the node action-db does, called as the tenant (become_tenant): find, create, update, upsert or delete rows of
-- a table that automations may use, of the automation's own account only. Table and columns are checked against the
-- catalogue, values are bound. Returns {"rows": [...]}, for update and delete also their "count".
CREATE FUNCTION automations.node_db(account_id uuid, config jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    table_name text := config ->> 'table';
    given jsonb := coalesce(config -> 'values', '{}');
    conflict text[];
BEGIN
    CASE coalesce(config ->> 'operation', 'find')
    WHEN 'find' THEN
        RETURN jsonb_build_object('rows', automations.node_find(
            account_id, table_name, config -> 'where', config -> 'orderBy', (config ->> 'limit')::integer));
    WHEN 'create' THEN
        RETURN jsonb_build_object('rows', jsonb_build_array(
            automations.node_insert(account_id, table_name, given, NULL)));
    WHEN 'upsert' THEN
        conflict := CASE jsonb_typeof(config -> 'onConflict')
            WHEN 'array' THEN ARRAY(SELECT c.value #>> '{}' FROM jsonb_array_elements(config -> 'onConflict') c)
            WHEN 'string' THEN regexp_split_to_array(btrim(config ->> 'onConflict'), '\s*,\s*')
            ELSE ARRAY['id']
        END;
        RETURN jsonb_build_object('rows', jsonb_build_array(
            automations.node_insert(account_id, table_name, given, conflict)));
    WHEN 'update' THEN
        RETURN automations.node_change(account_id, table_name, config -> 'where', given);
    WHEN 'delete' THEN
        RETURN automations.node_change(account_id, table_name, config -> 'where', NULL);
    ELSE
        RAISE EXCEPTION 'there is no operation %', quote_literal(config ->> 'operation')
            USING ERRCODE = 'invalid_parameter_value';
    END CASE;
END
$$;
