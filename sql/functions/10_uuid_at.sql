-- The smallest UUIDv7 of a moment (48 bits of milliseconds, then zeros): the bound of a weekly partition, and
-- how "since when" becomes a range of the primary key.
CREATE FUNCTION automations.uuid_at(at timestamptz) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;
