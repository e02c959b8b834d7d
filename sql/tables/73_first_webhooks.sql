-- Webhooks of versions that were there before the table. One whose path another one has says so and stays silent.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN SELECT a.id, a.name FROM public.automations a
                WHERE a.trigger_type = 'webhook' AND a.version IS NOT NULL ORDER BY a.id
    LOOP
        BEGIN
            PERFORM automations.set_webhook(old.id);
        EXCEPTION WHEN unique_violation THEN
            RAISE WARNING 'automation % (%) is not called: %', old.name, old.id, SQLERRM;
        END;
    END LOOP;
END
$$;
