-- Drops a week that is over and empty; of the steps also one whose executions are all gone. False when there was
-- nothing to drop. The emptiness is looked at again under the lock.
CREATE OR REPLACE FUNCTION automations.drop_partition(leaf regclass, week timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo uuid := automations.uuid_at(week);
    hi uuid := automations.uuid_at(week + interval '7 days');
    alive boolean;
BEGIN
    SELECT EXISTS (SELECT FROM public.automation_executions e WHERE e.id >= lo AND e.id < hi)
        OR EXISTS (SELECT FROM automations.queue q WHERE q.id >= lo AND q.id < hi) INTO alive;
    IF alive THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', leaf);
    SELECT EXISTS (SELECT FROM public.automation_executions e WHERE e.id >= lo AND e.id < hi) INTO alive;
    IF NOT alive THEN
        EXECUTE format('DROP TABLE %s', leaf);
    END IF;
    RETURN NOT alive;
END
$$;
REVOKE ALL ON FUNCTION automations.drop_partition(regclass, timestamptz) FROM PUBLIC;
