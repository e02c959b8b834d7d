-- Is this setting the mark of another database than this one (is_copy)?
CREATE FUNCTION automations.is_foreign(name text, value jsonb)
RETURNS boolean
LANGUAGE sql STABLE
RETURN name IN ('database_oid', 'system_identifier') AND value #>> '{}' <> automations.own_identifier(name);
