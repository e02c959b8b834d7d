-- What a trigger's configuration says about a record that changes again: `re_entry`, and for how long it must have been
-- quiet (`debounce_seconds`). What cannot be read counts as not there.
CREATE FUNCTION automations.entry_rules(config jsonb, OUT re_entry text, OUT debounce interval)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN btrim(config ->> 're_entry') IN ('after_finish', 'never') THEN btrim(config ->> 're_entry')
                ELSE 'always' END,
           CASE WHEN jsonb_typeof(config -> 'debounce_seconds') = 'number'
               THEN least(greatest((config ->> 'debounce_seconds')::numeric, 0), 3155760000)::double precision
                    * interval '1 second'
               ELSE interval '0' END
$$;
