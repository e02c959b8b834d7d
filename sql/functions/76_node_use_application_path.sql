-- Gives the statement that a node runs the search path of an ordinary session instead of our own pinned one, because
-- triggers of the application that it fires may rely on it. Ends with the function that called this.
CREATE FUNCTION automations.node_use_application_path()
RETURNS void
LANGUAGE sql VOLATILE
AS $$
    SELECT pg_catalog.set_config('search_path', s.reset_val, true)
    FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'search_path'
$$;
