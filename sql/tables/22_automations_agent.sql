-- An automation goes with its agent. The agents table is the application's: its name is in the settings.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint c
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.conrelid = 'public.automations'::regclass AND c.contype = 'f' AND a.attname = 'agent_id')
    THEN
        EXECUTE format('ALTER TABLE public.automations ADD CONSTRAINT automations_agent_id_fkey
            FOREIGN KEY (agent_id) REFERENCES %s (id) ON DELETE CASCADE',
            (SELECT (value #>> '{}')::regclass FROM automations.settings WHERE name = 'agents'));
    END IF;
END
$$;
