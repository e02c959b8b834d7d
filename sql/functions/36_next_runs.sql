-- The next n moments at which a crontab expression is due in a time zone.
CREATE FUNCTION automations.next_runs(cron text, timezone text DEFAULT 'UTC', n integer DEFAULT 5)
RETURNS SETOF timestamptz STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'next_runs_wrapper';
