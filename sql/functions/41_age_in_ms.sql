-- How long ago something was by this clock, in milliseconds: a daemon's is never compared with it. Zero for a time that is
-- infinite or to come.
CREATE FUNCTION automations.age_in_ms(at timestamptz)
RETURNS bigint
LANGUAGE sql VOLATILE
RETURN CASE WHEN isfinite(at) THEN greatest(extract(epoch FROM clock_timestamp() - at) * 1000, 0)::bigint ELSE 0 END;
