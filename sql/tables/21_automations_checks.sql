-- The value sets of public.automations, and the key by which our other tables refer to an automation together with its
-- owner, so that no row of theirs can name another account (D9). The base schema's own checks on these two columns are replaced, because
-- they know neither `archived` nor `webhook`.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT c.conname
          FROM pg_catalog.pg_constraint c
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.conrelid = 'public.automations'::regclass AND c.contype = 'c'
           AND pg_catalog.array_length(c.conkey, 1) = 1 AND a.attname IN ('status', 'trigger_type')
           AND c.conname NOT IN ('status_is_one_of_five', 'trigger_type_is_one_of_five')
    LOOP
        EXECUTE format('ALTER TABLE public.automations DROP CONSTRAINT %I', old.conname);
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                    WHERE conrelid = 'public.automations'::regclass AND conname = 'status_is_one_of_five') THEN
        ALTER TABLE public.automations ADD CONSTRAINT status_is_one_of_five
            CHECK (status IN ('draft', 'active', 'paused', 'error', 'archived'));
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                    WHERE conrelid = 'public.automations'::regclass
                      AND conname = 'trigger_type_is_one_of_five') THEN
        ALTER TABLE public.automations ADD CONSTRAINT trigger_type_is_one_of_five
            CHECK (trigger_type IN ('event', 'schedule', 'manual', 'ai_tool', 'webhook'));
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                    WHERE conrelid = 'public.automations'::regclass
                      AND conname = 'automations_user_id_id_key') THEN
        ALTER TABLE public.automations ADD CONSTRAINT automations_user_id_id_key UNIQUE (user_id, id);
    END IF;
END
$$;
