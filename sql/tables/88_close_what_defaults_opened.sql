-- Takes back what default privileges (PUBLIC's on functions, and those that Supabase sets for its roles) give on what
-- install() makes. A trigger function that runs as its owner may be attached by nobody else: on a table of his own,
-- even a temporary one, anybody could have another account's automations run with data that he made up, and a cast
-- to json of his would be called as the owner (both seen). TRUNCATE, TRIGGER and REFERENCES ask no policy.
-- Before the grants, which give what is meant.
DO $$
DECLARE
    given record;
    tenant text := (SELECT value #>> '{}' FROM automations.settings WHERE name = 'tenant_role');
BEGIN
    FOR given IN
        SELECT DISTINCT p.oid::regprocedure AS signature,
               CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END AS role
          FROM pg_catalog.pg_proc p,
               pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS g
         WHERE g.grantee <> p.proowner
           AND (p.pronamespace = 'automations'::regnamespace AND p.prosecdef
                OR p.pronamespace = 'public'::regnamespace AND p.pronargs = 0 AND p.proname IN (
                    'fire_lead_automations', 'fire_conversation_automations', 'update_automation_stats',
                    'cleanup_old_executions'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', given.signature, given.role);
    END LOOP;
    FOR given IN
        SELECT DISTINCT c.oid::regclass AS tab,
               CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END AS role
          FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) AS g
         WHERE c.oid IN ('public.automations'::regclass, 'public.automation_versions'::regclass,
                         'public.automation_accounts'::regclass, 'public.automation_executions'::regclass,
                         'public.automation_events'::regclass, 'public.automation_api_keys'::regclass)
           AND g.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
           AND (g.grantee = 0 OR pg_catalog.pg_get_userbyid(g.grantee) IN ('anon', tenant))
    LOOP
        EXECUTE format('REVOKE TRUNCATE, TRIGGER, REFERENCES ON %s FROM %s', given.tab, given.role);
    END LOOP;
END
$$;
