-- Sets automations that have failed too often in a row to `error`, with the reason. They go on capturing, and what is
-- captured waits until a person sets them active again. Called while their rows are locked, at the end of executions
-- that may be another account's as well: whatever a trigger of the application's says to it must not keep those from
-- ending. The next failure tries again.
CREATE OR REPLACE FUNCTION automations.stop_failing(ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.automations a
       SET status = 'error',
           status_reason = format('error_limit: %s executions in a row failed', automations.error_limit(a.options))
     WHERE a.id = ANY (ids) AND a.status = 'active';
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'an automation that fails too often could not be set to error: % (%)', SQLERRM, SQLSTATE;
END
$$;
REVOKE ALL ON FUNCTION automations.stop_failing(uuid[]) FROM PUBLIC;
