-- An ordinary table of executions from the base schema becomes the default partition of the new one: no row is
-- copied, foreign columns, foreign keys, policies and grants go along, and nothing that existed is queued.
DO $$
DECLARE
    old oid := to_regclass('public.automation_executions');
    item record;
BEGIN
    IF old IS NULL OR (SELECT relkind FROM pg_catalog.pg_class WHERE oid = old) <> 'r' THEN
        RETURN;
    END IF;
    ALTER TABLE public.automation_executions
        ADD COLUMN IF NOT EXISTS account_id uuid,
        ADD COLUMN IF NOT EXISTS version integer,
        ADD COLUMN IF NOT EXISTS error_code text,
        ADD COLUMN IF NOT EXISTS output jsonb,
        ADD COLUMN IF NOT EXISTS depth smallint NOT NULL DEFAULT 0,
        ADD COLUMN IF NOT EXISTS caused_by uuid,
        ADD COLUMN IF NOT EXISTS retry_of uuid,
        ADD COLUMN IF NOT EXISTS steps jsonb;
    UPDATE public.automation_executions e SET account_id = a.user_id
      FROM public.automations a WHERE a.id = e.automation_id AND e.account_id IS NULL;
    ALTER TABLE public.automation_executions ALTER COLUMN account_id SET NOT NULL;

    FOR item IN
        SELECT c.conname FROM pg_catalog.pg_constraint c
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.conrelid = old AND c.contype = 'c' AND pg_catalog.array_length(c.conkey, 1) = 1
           AND a.attname IN ('status', 'trigger_type')
    LOOP
        EXECUTE format('ALTER TABLE public.automation_executions DROP CONSTRAINT %I', item.conname);
    END LOOP;

    ALTER TABLE public.automation_executions RENAME TO executions_default;
    ALTER TABLE public.executions_default SET SCHEMA automations;
    CREATE TABLE public.automation_executions (LIKE automations.executions_default
        INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING STORAGE,
        PRIMARY KEY (id)) PARTITION BY RANGE (id);

    -- replaced by one that holds what is not final only (45); both would be written
    FOR item IN SELECT i.indexrelid::regclass AS name
                  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                 WHERE i.indrelid = old AND c.relname = 'idx_executions_status' AND i.indpred IS NULL
    LOOP
        EXECUTE format('DROP INDEX %s', item.name);
    END LOOP;
    FOR item IN SELECT c.conname, pg_catalog.pg_get_constraintdef(c.oid) AS def
                  FROM pg_catalog.pg_constraint c WHERE c.conrelid = old AND c.contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE public.automation_executions ADD CONSTRAINT %I %s', item.conname, item.def);
    END LOOP;
    ALTER TABLE public.automation_executions ATTACH PARTITION automations.executions_default DEFAULT;

    FOR item IN
        SELECT p.polname, p.polpermissive, p.polcmd,
               pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS qual,
               pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS ok,
               (SELECT pg_catalog.string_agg(CASE WHEN r = 0 THEN 'PUBLIC'
                           ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r)) END, ', ')
                  FROM pg_catalog.unnest(p.polroles) AS r) AS roles
          FROM pg_catalog.pg_policy p WHERE p.polrelid = old
    LOOP
        EXECUTE format('CREATE POLICY %I ON public.automation_executions AS %s FOR %s TO %s %s %s', item.polname,
            CASE WHEN item.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE item.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                 WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, item.roles,
            'USING (' || item.qual || ')', 'WITH CHECK (' || item.ok || ')');
        EXECUTE format('DROP POLICY %I ON automations.executions_default', item.polname);
    END LOOP;

    FOR item IN
        SELECT g.privilege_type, g.is_grantable, NULL::text AS col,
               CASE WHEN g.grantee = 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END AS role
          FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) AS g
         WHERE c.oid = old AND g.grantee <> c.relowner
        UNION ALL
        SELECT g.privilege_type, g.is_grantable, pg_catalog.quote_ident(a.attname),
               CASE WHEN g.grantee = 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END
          FROM pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) AS g
         WHERE a.attrelid = old AND NOT a.attisdropped
    LOOP
        EXECUTE format('GRANT %s %s ON public.automation_executions TO %s %s', item.privilege_type,
            '(' || item.col || ')', item.role, CASE WHEN item.is_grantable THEN 'WITH GRANT OPTION' END);
    END LOOP;
END
$$;
