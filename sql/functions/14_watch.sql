-- Captures any table as a source: `owner` is the column that holds the account's user id, or
-- `column->table.column` to follow a foreign key. On a partitioned table the triggers go on the parent and on the
-- leaves, because an insert straight into a leaf fires only there. Called again it changes what is different.
CREATE FUNCTION automations.watch(tab regclass, source text, owner text DEFAULT 'user_id') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    path record;
    kind "char" := (SELECT c.relkind FROM pg_class c WHERE c.oid = tab);
    machine oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = 'automations.queue'::regclass);
    leaf regclass;
BEGIN
    IF tab IS NULL OR kind IS NULL OR kind NOT IN ('r', 'p') THEN
        RAISE EXCEPTION '% is not a table', tab USING ERRCODE = 'wrong_object_type';
    END IF;
    IF tab IN ('public.automations'::regclass, 'public.automation_executions'::regclass)
       OR (SELECT c.relnamespace FROM pg_class c WHERE c.oid = tab) = 'automations'::regnamespace THEN
        RAISE EXCEPTION '% is part of the machinery and cannot be a source', tab
            USING ERRCODE = 'wrong_object_type';
    END IF;
    IF watch.source IS NULL OR watch.source !~ '^[a-z_][a-z0-9_]{0,62}$' OR watch.source = 'event' THEN
        RAISE EXCEPTION '% is not a name for a source', quote_nullable(watch.source)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Lower case letters, digits and underscores; `event` is taken by emitted events.';
    END IF;
    IF EXISTS (SELECT FROM automations.sources s WHERE s.source = watch.source AND s.tab <> watch.tab) THEN
        RAISE EXCEPTION 'source % is another table already', quote_ident(watch.source)
            USING ERRCODE = 'duplicate_object';
    END IF;
    IF owner IS NULL THEN
        RAISE EXCEPTION 'a watched table needs an owner: whose automations are to hear it?'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO path FROM automations.parse_owner(tab, owner);
    IF path.owner_table IS NOT NULL AND NOT has_table_privilege(machine, path.owner_table, 'SELECT') THEN
        RAISE EXCEPTION 'role % may not read %, which leads to the owner of %', pg_get_userbyid(machine),
            path.owner_table, tab USING ERRCODE = 'insufficient_privilege',
            HINT = format('GRANT SELECT ON %s TO %I;', path.owner_table, pg_get_userbyid(machine));
    END IF;

    INSERT INTO automations.sources AS s (tab, source, owner_column, owner_table, owner_key, owner_value)
    VALUES (watch.tab, watch.source, path.owner_column, path.owner_table, path.owner_key, path.owner_value)
    ON CONFLICT (tab) DO UPDATE
       SET source = excluded.source, owner_column = excluded.owner_column, owner_table = excluded.owner_table,
           owner_key = excluded.owner_key, owner_value = excluded.owner_value
     WHERE (s.source, s.owner_column, s.owner_table, s.owner_key, s.owner_value) IS DISTINCT FROM
           (excluded.source, excluded.owner_column, excluded.owner_table, excluded.owner_key, excluded.owner_value);
    PERFORM automations.put_capture_triggers(tab);
    FOR leaf IN SELECT t.relid FROM pg_partition_tree(tab) t WHERE t.relid <> watch.tab LOOP
        PERFORM automations.put_capture_triggers(leaf);
    END LOOP;
    PERFORM automations.set_listeners(NULL);
END
$$;
