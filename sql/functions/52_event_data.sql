-- An emitted event as automations see it: what `match` is about, and what a wait gives when it came.
CREATE FUNCTION automations.event_data(
    event text, payload jsonb, source text, correlation_id text, emitted_at timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('event', event, 'payload', payload, 'source', source,
        'correlation_id', correlation_id, 'timestamp', emitted_at)
$$;
