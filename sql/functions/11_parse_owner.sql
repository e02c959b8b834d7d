-- Reads how the account of a row is found: the name of a column that holds the account's user id, or
-- `column->table.column` to follow a foreign key (agent_id->agents.user_id; the table may name its schema, names
-- may be quoted). An unqualified table is looked for in the schema of `tab`, then in public.
CREATE FUNCTION automations.parse_owner(tab regclass, owner text,
    OUT owner_column text, OUT owner_table regclass, OUT owner_key text, OUT owner_value text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[] := regexp_match(owner, '^\s*("(?:[^"]|"")+"|.+?)\s*->\s*(.+?)\s*$');
    target text[];
    wrong text;
BEGIN
    IF parts IS NULL THEN
        owner_column := owner;
        IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tab AND a.attname = owner AND a.attnum > 0
                          AND NOT a.attisdropped) THEN
            owner_column := (parse_ident(owner))[1];
        END IF;
        SELECT format_type(a.atttypid, a.atttypmod) INTO wrong FROM pg_attribute a
         WHERE a.attrelid = tab AND a.attname = owner_column AND a.attnum > 0 AND NOT a.attisdropped;
        IF wrong IS NULL THEN
            RAISE EXCEPTION 'table % has no column % that could name its owner', tab, quote_ident(owner_column)
                USING ERRCODE = 'undefined_column',
                      HINT = 'Give the column that holds the user id, or column->table.column to follow a key.';
        ELSIF wrong <> 'uuid' THEN
            RAISE EXCEPTION 'column % of % is of type %, an owner is a uuid', quote_ident(owner_column), tab, wrong
                USING ERRCODE = 'datatype_mismatch';
        END IF;
        RETURN;
    END IF;

    owner_column := (parse_ident(parts[1]))[1];
    target := parse_ident(parts[2]);
    owner_value := target[array_length(target, 1)];
    owner_table := CASE array_length(target, 1)
        WHEN 3 THEN to_regclass(format('%I.%I', target[1], target[2]))
        WHEN 2 THEN coalesce(
            to_regclass(format('%I.%I', (SELECT c.relnamespace::regnamespace::text FROM pg_class c
                                          WHERE c.oid = tab), target[1])),
            to_regclass(format('public.%I', target[1]))) END;
    IF owner_table IS NULL THEN
        RAISE EXCEPTION 'there is no table for the owner path %', owner USING ERRCODE = 'undefined_table',
            HINT = 'Write it as column->table.column, for example agent_id->agents.user_id.';
    END IF;
    -- the column that the foreign key points to, else id
    SELECT k.attname INTO owner_key
      FROM pg_constraint c
      JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1]
      JOIN pg_attribute k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1]
     WHERE c.contype = 'f' AND c.conrelid = tab AND c.confrelid = owner_table AND f.attname = owner_column
       AND array_length(c.conkey, 1) = 1
     LIMIT 1;
    owner_key := coalesce(owner_key, 'id');
    SELECT string_agg(format('%s.%I', t.rel, t.col), ', ') INTO wrong
      FROM (VALUES (tab, owner_column, NULL), (owner_table, owner_key, NULL), (owner_table, owner_value, 'uuid'))
               AS t (rel, col, type)
     WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.rel AND a.attname = t.col AND a.attnum > 0
                          AND NOT a.attisdropped AND (t.type IS NULL OR a.atttypid = 'uuid'::regtype));
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the owner path % needs a column that is not there or no uuid: %', owner, wrong
            USING ERRCODE = 'undefined_column';
    END IF;
END
$$;
