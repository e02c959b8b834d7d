-- The execution on whose behalf this transaction writes, and the depth of what it causes. The settings count only
-- in a session of the daemon (its login is a member of automations_daemon and no superuser): anybody may set them.
CREATE FUNCTION automations.provenance(OUT execution_id uuid, OUT depth smallint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    depth := 0;
    IF pg_has_role(session_user, 'automations_daemon', 'MEMBER')
        AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = session_user) THEN
        execution_id := nullif(current_setting('automations.execution_id', true), '')::uuid;
        IF execution_id IS NOT NULL THEN
            depth := coalesce(nullif(current_setting('automations.depth', true), '')::smallint, 0) + 1;
        END IF;
    END IF;
END
$$;
