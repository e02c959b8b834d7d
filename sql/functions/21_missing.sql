-- What install() needs and does not find, as sentences with what to do about it; nothing when all is there.
-- The tables are the application's; what is made belongs to the owner of leads (D1, D15).
CREATE FUNCTION automations.missing(agents regclass, leads regclass, conversations regclass) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = leads);
BEGIN
    RETURN QUERY
    SELECT format('table %s is missing: create it, name yours in the call, or install(sample_app => true)', t.name)
      FROM (VALUES ('agents', agents), ('leads', leads), ('conversations', conversations)) AS t (name, tab)
     WHERE t.tab IS NULL;
    RETURN QUERY
    SELECT format('table %s has no column %s of type uuid', t.tab, t.col)
      FROM (VALUES (agents, 'id'), (agents, 'user_id'), (leads, 'id'), (leads, 'user_id'), (conversations, 'id'),
                   (conversations, 'agent_id')) AS t (tab, col)
     WHERE t.tab IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = t.tab AND a.attname = t.col AND a.attnum > 0
           AND NOT a.attisdropped AND a.atttypid = 'uuid'::regtype);
    RETURN QUERY
    SELECT format('table %s has no primary key or unique constraint on (id) that a foreign key could use', t.tab)
      FROM (VALUES (agents), (leads), (conversations)) AS t (tab)
     WHERE t.tab IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indrelid = t.tab AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = 'id');
    IF (SELECT p.prorettype FROM pg_proc p WHERE p.oid = to_regprocedure('public.has_account_access(uuid)'))
       IS DISTINCT FROM 'boolean'::regtype THEN
        RETURN NEXT 'function public.has_account_access(user_id uuid) returns boolean is missing: it says whose '
                    'rows the caller may see, and the policies call it';
    END IF;
    IF owner IS NULL THEN
        RETURN;
    END IF;
    IF NOT pg_has_role(current_user, owner, 'USAGE') THEN
        RETURN NEXT format('you (%s) are not a member of %s, who owns %s: SET ROLE %I, or ask for the membership',
                           current_user, pg_get_userbyid(owner), leads, pg_get_userbyid(owner));
    END IF;
    IF NOT has_schema_privilege(owner, 'public', 'CREATE') THEN
        RETURN NEXT format('GRANT CREATE ON SCHEMA public TO %I;', pg_get_userbyid(owner));
    END IF;
    RETURN QUERY
    SELECT format('GRANT %s ON %s TO %I;', t.privilege, t.tab, pg_get_userbyid(owner))
      FROM (VALUES (agents, 'SELECT'), (agents, 'REFERENCES'), (conversations, 'SELECT'),
                   (conversations, 'REFERENCES'), (conversations, 'TRIGGER')) AS t (tab, privilege)
     WHERE t.tab IS NOT NULL AND NOT has_table_privilege(owner, t.tab, t.privilege);
    RETURN QUERY
    SELECT format('ALTER TABLE %s OWNER TO %I; it belongs to %s now', c.oid::regclass, pg_get_userbyid(owner),
                  pg_get_userbyid(c.relowner))
      FROM pg_class c
     WHERE c.relowner <> owner AND c.relkind IN ('r', 'p', 'v')
       AND c.oid IN (to_regclass('public.automations'), to_regclass('public.automation_executions'),
                     to_regclass('public.automation_versions'), to_regclass('public.automation_accounts'),
                     to_regclass('automations.queue'), to_regclass('automations.settings'));
END
$$;
