-- Makes a copy of the database (restored, cloned) the real one: daemons claim here from now on. Also gives the
-- rights again that a restore on another server may have lost.
CREATE FUNCTION automations.adopt() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO automations.settings AS s (name, value)
    SELECT 'database_oid', to_jsonb(d.oid::bigint) FROM pg_database d WHERE d.datname = current_database()
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
    BEGIN
        INSERT INTO automations.settings AS s (name, value)
        SELECT 'system_identifier', to_jsonb(c.system_identifier::text) FROM pg_control_system() c
        ON CONFLICT (name) DO UPDATE SET value = excluded.value;
    EXCEPTION WHEN insufficient_privilege THEN
        DELETE FROM automations.settings s WHERE s.name = 'system_identifier';
    END;
    UPDATE automations.settings s SET value = 'false' WHERE s.name = 'paused' AND s.value <> 'false';
    PERFORM automations.grant_rights(
        (SELECT c.relowner FROM pg_class c WHERE c.oid = 'automations.queue'::regclass)::regrole,
        (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'tenant_role'));
    PERFORM automations.join_tenant((SELECT s.value #>> '{}' FROM automations.settings s
                                      WHERE s.name = 'tenant_role'));
END
$$;
