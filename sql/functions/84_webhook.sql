-- Whom a call of a webhook is for. Always one row: the time by the database's clock, which the tolerance of signatures
-- goes by, and nulls where there is no such account or path.
CREATE FUNCTION automations.webhook(
    account text, path text, OUT now_ms bigint, OUT account_id uuid, OUT automation_id uuid, OUT version integer,
    OUT config text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, w.account_id, w.automation_id, w.version,
           w.config::text
      FROM (VALUES (1)) AS always
      LEFT JOIN (automations.account_names n JOIN automations.webhooks w ON w.account_id = n.account_id)
        ON n.name = account AND w.path = webhook.path
$$;
