-- What in a schedule's configuration says when it runs: where this stays, the next time stays.
CREATE FUNCTION automations.timing_of(config jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_array(config -> 'cron', config -> 'timezone', config -> 'start_at', config -> 'end_at',
        config -> 'jitter_seconds')
$$;
