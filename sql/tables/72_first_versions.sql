-- Automations that were there before versions: each active one gets its first version and its listeners. One that
-- cannot run says so and stays as it is; what is mismatched from before is kept and reported (D9). Nothing that
-- happened before is queued.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN SELECT a.id, a.name FROM public.automations a WHERE a.version IS NULL AND a.status = 'active' LOOP
        BEGIN
            -- asking for a number is how a save asks for a version
            UPDATE public.automations SET version = 1 WHERE id = old.id;
        EXCEPTION WHEN invalid_parameter_value THEN
            RAISE WARNING 'automation % (%) is active and cannot run: %', old.name, old.id, SQLERRM;
        END;
    END LOOP;
    FOR old IN
        SELECT a.id, a.name FROM public.automations a
         WHERE automations.account_of_agent(a.agent_id) IS DISTINCT FROM a.user_id
    LOOP
        RAISE WARNING 'automation % (%) belongs to another user than its agent', old.name, old.id;
    END LOOP;
END
$$;
