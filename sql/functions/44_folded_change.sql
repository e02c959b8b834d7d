-- Several changes of one record as one, for debounce_seconds: `old` of the first, `new` of the last, and all columns that
-- changed in between. The event is what they come to: what ends with a DELETE is one (of a row that came and went there
-- is only what it was last), what begins with an INSERT is one, the rest is an UPDATE. A side that was too large to be
-- kept ends the execution as it would without folding.
CREATE FUNCTION automations.folded_change(first_change jsonb, last_change jsonb, changed text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT last_change - 'too_large' || jsonb_build_object(
            'event', e.event,
            'changed', CASE WHEN e.event = 'UPDATE' THEN to_jsonb(changed) ELSE '[]' END)
        || CASE
            WHEN last_change ? 'too_large' OR first_change ? 'too_large' AND first_change ->> 'event' <> 'INSERT'
            THEN jsonb_build_object('too_large', coalesce(last_change -> 'too_large', first_change -> 'too_large'))
            ELSE jsonb_build_object('old', CASE
                WHEN e.event = 'DELETE' AND first_change ->> 'event' = 'INSERT' THEN last_change -> 'old'
                ELSE first_change -> 'old' END)
        END
    FROM (SELECT CASE WHEN last_change ->> 'event' = 'DELETE' THEN 'DELETE'
                      WHEN first_change ->> 'event' = 'INSERT' THEN 'INSERT'
                      ELSE 'UPDATE' END AS event) e
$$;
