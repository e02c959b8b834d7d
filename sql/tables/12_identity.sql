-- Which server and database this installation is at home in. A copy (restore, clone, template) carries these
-- rows with it, differs from what they say, and therefore starts paused until adopt() is called (D1, section 7).
INSERT INTO automations.settings (name, value) VALUES
    ('database_oid', pg_catalog.to_jsonb(automations.own_identifier('database_oid')::bigint)),
    ('system_identifier', pg_catalog.to_jsonb(automations.own_identifier('system_identifier')))
ON CONFLICT (name) DO NOTHING;
