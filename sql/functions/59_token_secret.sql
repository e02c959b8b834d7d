-- The secret that signs the tokens of waiting steps, for the daemon: 32 bytes in hexadecimal.
CREATE FUNCTION automations.token_secret()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.secret FROM automations.token_secret s
$$;
