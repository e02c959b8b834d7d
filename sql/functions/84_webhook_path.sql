-- Where an automation is called, behind the daemon's address: '/hooks/{account}/{path}'; null where it is no webhook
-- that is active, or not one that the caller sees.
CREATE FUNCTION automations.webhook_path(automation_id uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '/hooks/' || n.name || '/' || w.path
      FROM automations.webhooks w
      JOIN automations.account_names n ON n.account_id = w.account_id
     WHERE w.automation_id = webhook_path.automation_id
$$;
