-- What the daemon has to know before it claims anything: is the schema there and of which version, is work
-- paused, is this a copy, a standby, a superuser's connection or one past row security.
CREATE FUNCTION automations.readiness()
RETURNS TABLE (
    schema_version text,
    library_version text,
    paused boolean,
    is_copy boolean,
    in_recovery boolean,
    is_superuser boolean,
    tenant_role text,
    server_version_num integer,
    has_bypassrls boolean
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        (SELECT v.version FROM automations.schema_version v),
        (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'automations'),
        coalesce((SELECT s.value = 'true' FROM automations.settings s WHERE s.name = 'paused'), false),
        automations.is_copy(),
        pg_is_in_recovery(),
        (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = session_user)
            OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user),
        (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'tenant_role'),
        current_setting('server_version_num')::integer,
        EXISTS (SELECT FROM pg_catalog.pg_roles r
                 WHERE r.rolname IN (session_user, current_user) AND r.rolbypassrls)
$$;
