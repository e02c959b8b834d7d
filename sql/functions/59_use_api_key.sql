-- Notes that a key was used, once a minute. How many were noted: one that somebody else notes just now is left to him.
CREATE FUNCTION automations.use_api_key(id uuid)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    noted integer;
BEGIN
    UPDATE public.automation_api_keys k SET last_used_at = clock_timestamp()
    WHERE k.id = (SELECT l.id FROM public.automation_api_keys l
                   WHERE l.id = use_api_key.id
                     AND (l.last_used_at IS NULL OR l.last_used_at < clock_timestamp() - interval '1 minute')
                     FOR NO KEY UPDATE SKIP LOCKED);
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN noted;
END
$$;
