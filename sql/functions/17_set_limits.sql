-- Writes how much of an automation may be in flight at once, as its newest version says (options.max_in_flight): for one
-- automation, or for all (null). It counts for what was queued under older versions too. Only what differs is written:
-- the row is the lock of claims, and an editor whose transaction stays open must not hold them up.
CREATE FUNCTION automations.set_limits(only_one uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH wanted AS (
        SELECT a.user_id AS account_id, a.id AS automation_id,
               least((v.options ->> 'max_in_flight')::numeric, 2147483647)::integer AS max_in_flight
          FROM public.automations a
          JOIN public.automation_versions v ON v.automation_id = a.id AND v.version = a.version
         WHERE (only_one IS NULL OR a.id = only_one)
           AND CASE WHEN jsonb_typeof(v.options -> 'max_in_flight') = 'number'
                    THEN (v.options ->> 'max_in_flight')::numeric >= 1 END
    ), gone AS (
        DELETE FROM automations.limits l
         WHERE (only_one IS NULL OR l.automation_id = only_one)
           AND NOT EXISTS (SELECT FROM wanted w WHERE (w.account_id, w.automation_id)
                                                    = (l.account_id, l.automation_id))
    )
    INSERT INTO automations.limits AS l (account_id, automation_id, max_in_flight)
    SELECT w.account_id, w.automation_id, w.max_in_flight FROM wanted w
    ON CONFLICT (account_id, automation_id) DO UPDATE SET max_in_flight = excluded.max_in_flight
     WHERE l.max_in_flight <> excluded.max_in_flight;
END
$$;
