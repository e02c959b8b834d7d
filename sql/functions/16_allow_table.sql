-- Lets database nodes use a table that nothing listens to. `owner` as for watch(), or null for a table that all
-- accounts share. A watched table keeps its source.
CREATE FUNCTION automations.allow_table(tab regclass, owner text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    path record;
BEGIN
    IF (SELECT c.relkind IN ('r', 'p') FROM pg_class c WHERE c.oid = tab) IS NOT TRUE THEN
        RAISE EXCEPTION '% is not a table', tab USING ERRCODE = 'wrong_object_type';
    END IF;
    IF owner IS NULL AND EXISTS (SELECT FROM automations.sources s WHERE s.tab = allow_table.tab
                                    AND s.source IS NOT NULL) THEN
        RAISE EXCEPTION 'table % is watched and needs an owner', tab USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT NULL::text AS owner_column, NULL::regclass AS owner_table, NULL::text AS owner_key,
           NULL::text AS owner_value INTO path;
    IF owner IS NOT NULL THEN
        SELECT * INTO path FROM automations.parse_owner(tab, owner);
    END IF;
    INSERT INTO automations.sources (tab, owner_column, owner_table, owner_key, owner_value)
    VALUES (allow_table.tab, path.owner_column, path.owner_table, path.owner_key, path.owner_value)
    ON CONFLICT ON CONSTRAINT sources_pkey DO UPDATE
       SET owner_column = excluded.owner_column, owner_table = excluded.owner_table,
           owner_key = excluded.owner_key, owner_value = excluded.owner_value;
END
$$;
