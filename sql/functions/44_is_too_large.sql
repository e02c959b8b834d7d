-- Is trigger data larger than it may be? 1 MiB of JSON, for a row event each of old and new. The same number is in
-- extension/src/capture/event.rs, which measures rows before they become JSON.
CREATE FUNCTION automations.is_too_large(data jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN octet_length(data::text) <= 1048576 THEN false
        WHEN jsonb_typeof(data) <> 'object' THEN true
        ELSE greatest(octet_length((data -> 'old')::text), octet_length((data -> 'new')::text),
                      octet_length((data - 'old' - 'new')::text)) > 1048576
    END
$$;
