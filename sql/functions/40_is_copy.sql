-- Is this database a restored or cloned copy of the one that install() ran in? A copy must not start sending
-- e-mail: nothing is claimed in it before automations.adopt(). Compared are the database's oid and the system
-- identifier; a copy of the files keeps both and cannot be told apart.
CREATE FUNCTION automations.is_copy()
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM automations.settings s WHERE automations.is_foreign(s.name, s.value));
END
$$;
