-- The oldest week of history that holds nothing that has not passed its limit: it can be dropped instead of deleted.
-- One for each clean-up, because the locks of a drop last until its end; weeks pass one by one. Only weeks that ended
-- more than 30 days ago are looked at, so nothing is added to them any more. Null when there is none.
CREATE OR REPLACE FUNCTION automations.passed_partition() RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf regclass;
    alive boolean;
BEGIN
    FOR leaf IN
        SELECT c.oid::regclass
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.automation_executions'::regclass AND c.relname ~ '^executions_[0-9]{8}$'
           AND right(c.relname, 8) < to_char((now() - interval '37 days') AT TIME ZONE 'UTC', 'YYYYMMDD')
         ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s e WHERE NOT '
                       'automations.has_passed(e.status, e.started_at, e.completed_at))', leaf) INTO alive;
        IF NOT alive THEN
            RETURN leaf;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION automations.passed_partition() FROM PUBLIC;
