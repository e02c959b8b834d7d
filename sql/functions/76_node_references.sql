-- Refuses values of a node that refer to a row of another account: a foreign key asks no policy, so that a booking of
-- one account could name a lead of another, and its error told which keys exist. Looked at are the columns given with
-- a key to a table that automations may use, or that leads to the owner of one (agents). A row that is somebody
-- else's and one that is not there are refused in the same words.
CREATE FUNCTION automations.node_references(account_id uuid, tab regclass, given jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r record;
    owned text;
    seen boolean;
BEGIN
    FOR r IN
        SELECT f.attname AS name, c.confrelid::regclass AS target, k.attname AS key,
               format_type(k.atttypid, k.atttypmod) AS type, s.tab IS NOT NULL AS registered,
               (SELECT format('t.%I = $1', p.owner_value) FROM automations.sources p
                WHERE p.owner_table = c.confrelid AND p.owner_key = k.attname LIMIT 1) AS leads_to
        FROM pg_catalog.pg_constraint c
        JOIN pg_catalog.pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1]
        JOIN pg_catalog.pg_attribute k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1]
        LEFT JOIN automations.sources s ON s.tab = c.confrelid
        WHERE c.contype = 'f' AND c.conrelid = node_references.tab AND cardinality(c.conkey) = 1
          AND given ->> f.attname IS NOT NULL
          -- whose the row itself is, is looked at when it is written
          AND NOT EXISTS (SELECT FROM automations.sources o
                          WHERE o.tab = node_references.tab AND o.owner_column = f.attname)
    LOOP
        IF r.registered THEN
            owned := (SELECT n.owned FROM pg_catalog.pg_class c, automations.node_table(
                format('%I.%I', (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = c.relnamespace), c.relname)) n WHERE c.oid = r.target);
        ELSE
            owned := r.leads_to;
        END IF;
        CONTINUE WHEN owned IS NULL;
        EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE t.%I = $2::%s AND %s)', r.target, r.key, r.type, owned)
        INTO seen USING account_id, given ->> r.name;
        IF NOT seen THEN
            RAISE EXCEPTION '% % does not exist', r.target, given ->> r.name USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
END
$$;
