-- Whether a queue row is more than a captured change that nobody has touched yet: it has a row of its own, has died with a
-- daemon, is about a record that matters, has kept steps, or can only fail.
CREATE FUNCTION automations.is_odd(has_execution boolean, crashes smallint, record text, steps jsonb, trigger_data jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN has_execution OR crashes > 0 OR record IS NOT NULL OR steps IS NOT NULL OR coalesce(trigger_data ? 'too_large', false);
