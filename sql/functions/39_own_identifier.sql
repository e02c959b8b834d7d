-- What this database is called by its server ('database_oid') and its server by itself ('system_identifier'), for
-- is_copy(), which is asked at each claim: pg_control_system() reads a file for it and may not be called by everybody.
-- Null for any other name.
CREATE FUNCTION automations.own_identifier(name text) RETURNS text
STABLE STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'own_identifier_wrapper';
