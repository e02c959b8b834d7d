-- Is this database a restored or cloned copy of the one that install() ran in? A copy must not start sending
-- e-mail: nothing is claimed in it before automations.adopt(). Compared are the database's oid and, where its
-- function may be called, the system identifier; a copy of the files keeps both and cannot be told apart.
CREATE FUNCTION automations.is_copy()
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stored_oid text := (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'database_oid');
    stored_system text := (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'system_identifier');
BEGIN
    IF stored_oid <> (SELECT d.oid::text FROM pg_catalog.pg_database d WHERE d.datname = current_database()) THEN
        RETURN true;
    END IF;
    IF stored_system IS NULL OR NOT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        RETURN false;
    END IF;
    RETURN stored_system <> (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() c);
END
$$;
