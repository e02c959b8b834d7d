-- First in the script: who may own the schema that everything goes into, and the role that the daemon acts as.
-- The schema must not be a stranger's, who could put functions of his own beside ours; the caller's becomes the
-- superuser's who runs a trusted script, so that a dump of it can be restored by anybody (D1). The role is made
-- here, because policies name it and a restore on another server would fail without it.
-- The script runs as a superuser with the schema first in its search path, and whoever asks for a trusted extension
-- may have made that schema: an operator of his, for example oid = regnamespace, would be called below (seen). Holds
-- until the end of the script.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    creator oid := (SELECT extowner FROM pg_catalog.pg_extension WHERE extname = 'automations');
    home record;
BEGIN
    SELECT n.nspowner, r.rolsuper, r.rolname INTO home
      FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
     WHERE n.nspname = 'automations';
    IF NOT (home.rolsuper OR home.nspowner = creator
            OR home.nspowner = (SELECT d.datdba FROM pg_catalog.pg_database d
                                 WHERE d.datname = pg_catalog.current_database())) THEN
        RAISE EXCEPTION 'schema automations belongs to %, who is neither a superuser nor its creator', home.rolname
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'ALTER SCHEMA automations OWNER TO the owner of the database, or drop it, and try again.';
    END IF;
    IF NOT home.rolsuper THEN
        EXECUTE pg_catalog.format('ALTER SCHEMA automations OWNER TO %I', current_user);
    END IF;
    -- To whoever owns the database, and to nobody by name: what a script grants is not dumped, and a restore would
    -- find the grants that such a role passed on and not the option to do so.
    GRANT USAGE, CREATE ON SCHEMA automations TO pg_database_owner WITH GRANT OPTION;
    BEGIN
        IF pg_catalog.to_regrole('automations_daemon') IS NULL THEN
            CREATE ROLE automations_daemon NOLOGIN NOINHERIT;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server made it just now
    END;
END
$$;
