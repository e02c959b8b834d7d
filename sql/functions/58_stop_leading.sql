-- A daemon that stops leads no more: the next one need not wait until its time is over.
CREATE FUNCTION automations.stop_leading(daemon uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM automations.leaders l WHERE l.daemon = stop_leading.daemon
$$;
