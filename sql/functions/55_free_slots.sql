-- Executions that are in flight no more give back what they held of a limit, and somebody looks who may come next.
-- What is not limited has no row there, and this costs next to nothing.
CREATE FUNCTION automations.free_slots(ids uuid[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM automations.in_flight f WHERE f.execution_id = ANY (ids);
    IF FOUND THEN
        PERFORM automations.wake();
    END IF;
END
$$;
