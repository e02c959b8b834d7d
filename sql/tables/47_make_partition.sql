-- One step towards the partition of a week; false when there is nothing left to do. The steps are transactions of
-- their own, so that no lock is held while something is scanned:
--   announced: a CHECK, not yet valid, keeps the week out of the default partition
--   validated: the default partition was read under a lock that stops nobody
--   made:      the partition is attached; PostgreSQL believes the CHECK and reads nothing under its locks
-- A week that has begun, or whose rows lie in the default partition, goes there in one step with its rows.
CREATE OR REPLACE FUNCTION automations.make_partition(
    parent regclass, fallback regclass, prefix text, key name, week timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := format('%s_%s', prefix, to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD'));
    excluded text := 'holds_nothing_of_' || name;
    lo uuid := automations.uuid_at(week);
    hi uuid := automations.uuid_at(week + interval '7 days');
    known boolean;
    strays boolean;
    columns text;
BEGIN
    SELECT c.convalidated INTO known
      FROM pg_constraint c WHERE c.conrelid = fallback AND c.conname = excluded;
    IF to_regclass('automations.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I >= $1 AND %I < $2)', fallback, key, key)
       INTO strays USING lo, hi;
    IF NOT strays AND week > clock_timestamp() + interval '1 day' THEN
        IF known IS NULL THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (NOT (%I >= %L AND %I < %L)) NOT VALID',
                           fallback, excluded, key, lo, key, hi);
            RETURN true;
        ELSIF NOT known THEN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', fallback, excluded);
            RETURN true;
        END IF;
    END IF;

    EXECUTE format('CREATE TABLE automations.%I (LIKE %s INCLUDING ALL)', name, parent);
    PERFORM automations.close_partition(('automations.' || name)::regclass);
    PERFORM automations.tune_partition(('automations.' || name)::regclass,
        CASE prefix WHEN 'steps' THEN 85 ELSE 100 END);
    IF strays THEN
        SELECT string_agg(quote_ident(a.attname), ', ') INTO columns
          FROM pg_attribute a WHERE a.attrelid = parent AND a.attnum > 0
           AND NOT a.attisdropped AND a.attgenerated = '';
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', fallback);
        EXECUTE format('INSERT INTO automations.%I (%s) SELECT %s FROM %s WHERE %I >= $1 AND %I < $2',
                       name, columns, columns, fallback, key, key) USING lo, hi;
        EXECUTE format('DELETE FROM %s WHERE %I >= $1 AND %I < $2', fallback, key, key) USING lo, hi;
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION automations.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, name, lo, hi);
    IF known IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', fallback, excluded);
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION automations.make_partition(regclass, regclass, text, name, timestamptz) FROM PUBLIC;
