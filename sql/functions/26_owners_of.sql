-- Follows the owner path of a source for many rows at once: from the key in the row to the account. Called by
-- capture with the rights of the tables' owner, once for each statement.
CREATE FUNCTION automations.owners_of(source text, keys text[]) RETURNS TABLE (key text, account_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s automations.sources;
BEGIN
    SELECT * INTO s FROM automations.sources t WHERE t.source = owners_of.source AND t.owner_table IS NOT NULL;
    IF FOUND THEN
        RETURN QUERY EXECUTE format('SELECT o.%I::text, o.%I FROM %s o WHERE o.%I = ANY ($1::%s[])', s.owner_key,
            s.owner_value, s.owner_table, s.owner_key,
            (SELECT format_type(a.atttypid, NULL) FROM pg_attribute a
              WHERE a.attrelid = s.owner_table AND a.attname = s.owner_key)) USING keys;
    END IF;
END
$$;
