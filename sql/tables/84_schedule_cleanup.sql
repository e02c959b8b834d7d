-- Has pg_cron clean up at three in the morning, where it is installed in this database and its owner may use it. The
-- name makes it one job however often this runs; a job of that name that somebody switched off stays so.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron')
        AND has_schema_privilege('cron', 'USAGE') THEN
        IF NOT EXISTS (SELECT FROM cron.job WHERE jobname = 'automations-cleanup') THEN
            PERFORM cron.schedule('automations-cleanup', '0 3 * * *', 'SELECT public.cleanup_old_executions()');
        END IF;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'pg_cron may not be used by %: nothing calls public.cleanup_old_executions()', current_user;
END
$$;
