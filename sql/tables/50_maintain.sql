-- What has to be done now and then: partitions, triggers on new leaves of watched tables, statistics that had to
-- wait, leases and waits that no change of state came past, what limits and re_entry remember in vain. Returns the
-- number of steps done; the daemon calls it again until that is 0.
-- SECURITY DEFINER, because making partitions belongs to the owner of the tables and the daemon is not that.
CREATE OR REPLACE FUNCTION automations.maintain() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
BEGIN
    RETURN automations.keep_partitions() + automations.watch_new_leaves() + automations.fold_uncounted()
         + automations.rescue_strays() + automations.forget_waits() + automations.forget_slots();
END
$$;
REVOKE ALL ON FUNCTION automations.maintain() FROM PUBLIC;
