-- The roles that may what no tenant may: superusers, those that bypass row level security, the daemon, and predefined ones such
-- as pg_execute_server_program. A query that becomes part of the one that asks.
CREATE FUNCTION automations.roles_past_policies() RETURNS SETOF oid
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT r.oid FROM pg_roles r
     WHERE r.rolsuper OR r.rolbypassrls OR r.rolname = 'automations_daemon'
        OR r.rolname LIKE 'pg\_%' AND r.rolname <> 'pg_database_owner';
END;
