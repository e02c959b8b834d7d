-- Refuses a reference of a node to a lead or conversation that is not one of the account's, in the words in which it
-- refuses one that does not exist.
CREATE FUNCTION automations.node_must_see(source text, key jsonb, account_id uuid)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(key, 'null') NOT IN ('null', '""') AND '[]' = automations.node_find(
        account_id, automations.node_source_table(source), jsonb_build_object('id', key), NULL, 1) THEN
        RAISE EXCEPTION '% % does not exist', source, key #>> '{}' USING ERRCODE = 'foreign_key_violation';
    END IF;
END
$$;
