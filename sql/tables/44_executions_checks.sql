-- The value sets and references of public.automation_executions. Names of the host's tables are in the settings.
DO $$
DECLARE
    host record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = 'execution_status_is_one_of_six'
                      AND conrelid = 'public.automation_executions'::regclass) THEN
        ALTER TABLE public.automation_executions ADD CONSTRAINT execution_status_is_one_of_six
            CHECK (status IN ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled'));
    END IF;
    FOR host IN
        SELECT t.col, t.tab, t.action FROM (VALUES
            ('automation_id', 'public.automations'::regclass, 'CASCADE'),
            ('lead_id', (SELECT (value #>> '{}')::regclass FROM automations.settings
                          WHERE name = 'leads'), 'SET NULL'),
            ('conversation_id', (SELECT (value #>> '{}')::regclass FROM automations.settings
                                  WHERE name = 'conversations'), 'SET NULL')) AS t (col, tab, action)
         WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint c
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
             WHERE c.conrelid = 'public.automation_executions'::regclass AND c.contype = 'f'
               AND a.attname = t.col)
    LOOP
        EXECUTE format('ALTER TABLE public.automation_executions ADD CONSTRAINT %I
            FOREIGN KEY (%I) REFERENCES %s (id) ON DELETE %s',
            'automation_executions_' || host.col || '_fkey', host.col, host.tab, host.action);
    END LOOP;
END
$$;
