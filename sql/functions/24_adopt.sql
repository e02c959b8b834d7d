-- Makes a copy of the database (restored, cloned) the real one: daemons claim here from now on. Also gives the
-- rights again that a restore on another server may have lost.
CREATE FUNCTION automations.adopt() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO automations.settings AS s (name, value) VALUES
        ('database_oid', to_jsonb(automations.own_identifier('database_oid')::bigint)),
        ('system_identifier', to_jsonb(automations.own_identifier('system_identifier')))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
    UPDATE automations.settings s SET value = 'false' WHERE s.name = 'paused' AND s.value <> 'false';
    PERFORM automations.grant_rights(
        (SELECT c.relowner FROM pg_class c WHERE c.oid = 'automations.queue'::regclass)::regrole,
        (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'tenant_role'));
    PERFORM automations.join_tenant((SELECT s.value #>> '{}' FROM automations.settings s
                                      WHERE s.name = 'tenant_role'));
END
$$;
