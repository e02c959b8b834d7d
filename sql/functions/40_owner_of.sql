-- The account that a row of a registered table belongs to: its owner column, or what the foreign key leads to.
-- Null when the table is not registered, is shared by all accounts, or has no such row.
CREATE FUNCTION automations.owner_of(tab regclass, key uuid)
RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
    owner uuid;
BEGIN
    SELECT * INTO s FROM automations.sources r WHERE r.tab = owner_of.tab AND r.owner_column IS NOT NULL;
    IF NOT FOUND OR key IS NULL THEN
        RETURN NULL;
    ELSIF s.owner_table IS NULL THEN
        EXECUTE format('SELECT t.%I FROM %s t WHERE t.id = $1', s.owner_column, s.tab) INTO owner USING key;
    ELSE
        EXECUTE format('SELECT o.%I FROM %s t JOIN %s o ON o.%I = t.%I WHERE t.id = $1',
                       s.owner_value, s.tab, s.owner_table, s.owner_key, s.owner_column)
        INTO owner USING key;
    END IF;
    RETURN owner;
END
$$;
