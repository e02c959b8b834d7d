-- Which server and database this installation is at home in. A copy (restore, clone, template) carries these
-- rows with it, differs from what they say, and therefore starts paused until adopt() is called (D1, section 7).
INSERT INTO automations.settings (name, value)
SELECT 'database_oid', pg_catalog.to_jsonb(d.oid::bigint)
  FROM pg_catalog.pg_database d
 WHERE d.datname = pg_catalog.current_database()
ON CONFLICT (name) DO NOTHING;

DO $$
BEGIN
    INSERT INTO automations.settings (name, value)
    SELECT 'system_identifier', pg_catalog.to_jsonb(c.system_identifier::text)
      FROM pg_catalog.pg_control_system() c
    ON CONFLICT (name) DO NOTHING;
EXCEPTION WHEN insufficient_privilege THEN
    -- Only the database's oid tells a copy then; an operator may grant EXECUTE on pg_control_system().
    NULL;
END
$$;
