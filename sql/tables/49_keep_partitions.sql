-- One pass over the weeks: makes the coming ones (four ahead) and drops the empty ones, a step each. Returns how
-- many steps were done; what could not get its lock in 50 ms is left for the next pass.
CREATE OR REPLACE FUNCTION automations.keep_partitions() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    this_week timestamptz := date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    done integer := 0;
    item record;
    one boolean;
BEGIN
    FOR item IN
        SELECT t.parent, t.fallback, t.prefix, t.key, this_week + ahead * interval '7 days' AS week
          FROM (VALUES ('public.automation_executions', 'automations.executions_default', 'executions', 'id'),
                       ('automations.steps', 'automations.steps_default', 'steps', 'execution_id'))
                   AS t (parent, fallback, prefix, key),
               generate_series(0, 4) AS ahead
         ORDER BY t.prefix, ahead
    LOOP
        BEGIN
            one := automations.make_partition(item.parent::regclass, item.fallback::regclass, item.prefix,
                                              item.key, item.week);
            done := done + one::integer;
        EXCEPTION WHEN lock_not_available OR deadlock_detected OR check_violation THEN
            NULL;
        END;
    END LOOP;
    FOR item IN
        SELECT c.oid::regclass AS leaf, to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC'
                   AS week
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent IN ('public.automation_executions'::regclass, 'automations.steps'::regclass)
           AND c.relname ~ '^(executions|steps)_[0-9]{8}$'
           AND right(c.relname, 8) < to_char((this_week - interval '7 days') AT TIME ZONE 'UTC', 'YYYYMMDD')
    LOOP
        BEGIN
            one := automations.drop_partition(item.leaf, item.week);
            done := done + one::integer;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END LOOP;
    RETURN done;
END
$$;
REVOKE ALL ON FUNCTION automations.keep_partitions() FROM PUBLIC;
