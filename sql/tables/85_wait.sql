-- Waits until an execution is final or the time is up, and returns its row as it is then. It looks again after 2 ms
-- at first and after 100 ms at last. While it waits its transaction holds back vacuum: at most five minutes.
-- Made here and not by the extension, because it returns a row of the table.
CREATE OR REPLACE FUNCTION automations.wait(execution_id uuid, timeout interval DEFAULT '30s')
RETURNS public.automation_executions
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e public.automation_executions;
    made_by xid;
    until timestamptz := clock_timestamp() + least(timeout, interval '5 minutes');
    pause double precision := 0.002;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'wait() would never see the execution end in a transaction with isolation level %',
            current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    SELECT x.xmin INTO made_by FROM public.automation_executions x WHERE x.id = execution_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % does not exist', execution_id USING ERRCODE = 'no_data_found';
    ELSIF automations.written_here(made_by) THEN
        RAISE EXCEPTION 'execution % is not committed yet, so no daemon can see it', execution_id
            USING ERRCODE = 'invalid_transaction_state', HINT = 'Commit first, then wait.';
    END IF;
    LOOP
        SELECT * INTO e FROM public.automation_executions x WHERE x.id = execution_id;
        EXIT WHEN e.status IN ('completed', 'failed', 'cancelled') OR e.id IS NULL OR clock_timestamp() >= until;
        PERFORM pg_sleep(least(pause, greatest(extract(epoch FROM until - clock_timestamp()), 0)));
        pause := least(pause * 1.5, 0.1);
    END LOOP;
    RETURN e;
END
$$;
REVOKE ALL ON FUNCTION automations.wait(uuid, interval) FROM PUBLIC;
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY[
        (SELECT value #>> '{}' FROM automations.settings WHERE name = 'tenant_role'), 'service_role']
    LOOP
        IF to_regrole(quote_ident(role)) IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION automations.wait(uuid, interval) TO %I', role);
        END IF;
    END LOOP;
END
$$;
