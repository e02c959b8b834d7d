-- Before an existing table of executions becomes a partition: what hangs on it and would silently go on to mean
-- the old rows only (views, foreign keys, triggers, rules, publications, row types) is listed and refused.
DO $$
DECLARE
    old oid := to_regclass('public.automation_executions');
    hanging text;
BEGIN
    IF old IS NULL OR (SELECT relkind FROM pg_catalog.pg_class WHERE oid = old) <> 'r' THEN
        RETURN;
    END IF;
    EXECUTE 'LOCK TABLE public.automation_executions IN ACCESS EXCLUSIVE MODE';
    SELECT pg_catalog.string_agg(DISTINCT what, ', ' ORDER BY what) INTO hanging
      FROM (
        SELECT format('view %s', r.ev_class::regclass) AS what
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = old AND r.ev_class <> old
        UNION ALL
        SELECT format('rule %I', r.rulename) FROM pg_catalog.pg_rewrite r WHERE r.ev_class = old
        UNION ALL
        SELECT format('foreign key %I of %s', c.conname, c.conrelid::regclass)
          FROM pg_catalog.pg_constraint c WHERE c.contype = 'f' AND c.confrelid = old
        UNION ALL
        SELECT format('trigger %I', t.tgname)
          FROM pg_catalog.pg_trigger t WHERE t.tgrelid = old AND NOT t.tgisinternal
        UNION ALL
        SELECT format('publication %I', p.pubname)
          FROM pg_catalog.pg_publication_rel pr
          JOIN pg_catalog.pg_publication p ON p.oid = pr.prpubid WHERE pr.prrelid = old
        UNION ALL
        SELECT format('child table %s', i.inhrelid::regclass)
          FROM pg_catalog.pg_inherits i WHERE i.inhparent = old
        UNION ALL
        SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_type t ON t.oid = d.refobjid AND (t.typrelid = old
                   OR t.typelem IN (SELECT e.oid FROM pg_catalog.pg_type e WHERE e.typrelid = old))
         WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'n'
      ) AS found;
    IF hanging IS NOT NULL THEN
        RAISE EXCEPTION 'cannot take in public.automation_executions while these hang on it: %', hanging
            USING ERRCODE = 'dependent_objects_still_exist',
                  HINT = 'Drop them, call automations.install() again, and create them on the new table.';
    END IF;
END
$$;
