-- Who may call what (CONTRACT section 2), granted by the caller of install(), who has the grant option as owner of
-- the database or as a superuser: everything to the owner of the tables, the calls for applications to the tenant
-- role and the service role where they exist. anon may call nothing.
CREATE FUNCTION automations.grant_rights(tables_owner regrole, tenant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    everybodys text[] := ARRAY['run', 'wait', 'cancel', 'retry', 'resume', 'emit', 'tools', 'call_tool', 'validate',
        'publish', 'next_runs', 'stats', 'node_stats', 'overview', 'queue_position', 'create_api_key', 'seal',
        'cancel_many', 'retry_many', 'resume_many', 'resume_waiting', 'webhook_path', 'replay',
        -- what those call on behalf of their caller
        'uuid_at', 'written_here', 'matching_executions'];
    -- what runs between become_tenant() and leave_tenant(), or behind others
    tenants text[] := ARRAY['last_of_tenant', 'leave_tenant', 'next_of_tenant', 'node_db', 'node_update_lead',
        'node_create_booking', 'node_send_message',
        'node_read', 'node_source_table', 'node_table', 'node_columns', 'node_where', 'node_owner', 'node_order',
        'node_use_application_path', 'node_insert', 'node_change', 'node_find', 'node_fields', 'node_must_see',
        'node_references', 'node_refers',
        'node_insert_statement', 'node_change_statement', 'node_find_statement'];
    member record;
    role text;
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA automations TO %s', tables_owner);
    FOR member IN
        SELECT p.oid::regprocedure AS signature, p.proname
          FROM pg_depend d
          JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'automations'
          JOIN pg_proc p ON p.oid = d.objid
         WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
           AND p.pronamespace = 'automations'::regnamespace
         ORDER BY p.oid  -- two that install at once lock in one order
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', member.signature, tables_owner);
        FOREACH role IN ARRAY ARRAY[tenant, 'service_role'] LOOP
            IF to_regrole(quote_ident(role)) IS NOT NULL
               AND (member.proname = ANY (everybodys) OR role = tenant AND member.proname = ANY (tenants)) THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', member.signature, role);
            END IF;
        END LOOP;
    END LOOP;
    FOREACH role IN ARRAY ARRAY[tenant, 'service_role'] LOOP
        IF to_regrole(quote_ident(role)) IS NOT NULL THEN
            EXECUTE format('GRANT USAGE ON SCHEMA automations TO %I', role);
        END IF;
    END LOOP;
END
$$;
