-- Writes at which path an automation is called, from its newest version: a row exists iff it is a webhook, enabled and
-- active (or in error). The account gets its name with its first webhook.
CREATE FUNCTION automations.set_webhook(automation_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    wanted record;
BEGIN
    SELECT a.user_id, a.id, v.version, v.trigger_config, btrim(v.trigger_config ->> 'path', E' \t\n\r/') AS path
      INTO wanted
      FROM public.automations a
      JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
     WHERE a.id = automation_id AND v.trigger_type = 'webhook' AND a.enabled AND a.status IN ('active', 'error')
       AND btrim(v.trigger_config ->> 'path', E' \t\n\r/') <> '';
    IF NOT FOUND THEN
        DELETE FROM automations.webhooks w WHERE w.automation_id = set_webhook.automation_id;
        RETURN;
    END IF;
    INSERT INTO automations.account_names (account_id, name)
    VALUES (wanted.user_id, replace(gen_random_uuid()::text, '-', ''))
    ON CONFLICT (account_id) DO NOTHING;
    INSERT INTO automations.webhooks AS w (account_id, path, automation_id, version, config)
    VALUES (wanted.user_id, wanted.path, wanted.id, wanted.version, wanted.trigger_config)
    ON CONFLICT ON CONSTRAINT webhooks_pkey DO UPDATE
       SET account_id = excluded.account_id, path = excluded.path, version = excluded.version, config = excluded.config
     WHERE (w.account_id, w.path, w.version, w.config)
        IS DISTINCT FROM (excluded.account_id, excluded.path, excluded.version, excluded.config);
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'trigger_config.path: another automation of this account is called at "%"', wanted.path
        USING ERRCODE = 'unique_violation', HINT = 'Choose another path, or pause the other automation.';
END
$$;
