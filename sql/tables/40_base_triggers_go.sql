-- The base schema's row triggers make way: capture() and the statement-level statistics do their work now, and
-- both together would count everything twice. Found by the function that they call, whatever their names.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT t.tgname, t.tgrelid::regclass AS tab
          FROM pg_catalog.pg_trigger t
          JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
         WHERE NOT t.tgisinternal AND t.tgparentid = 0
           AND p.pronamespace = 'public'::regnamespace AND p.pronargs = 0
           AND (p.proname IN ('fire_lead_automations', 'fire_conversation_automations')
                    AND t.tgrelid IN (SELECT (s.value #>> '{}')::regclass FROM automations.settings s
                                       WHERE s.name IN ('leads', 'conversations'))
                OR p.proname = 'update_automation_stats' AND t.tgtype & 1 = 1
                    AND t.tgrelid = to_regclass('public.automation_executions'))
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', old.tgname, old.tab);
    END LOOP;
END
$$;
