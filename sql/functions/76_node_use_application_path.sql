-- Gives the statement that a node runs the search path of an ordinary session instead of our own pinned one, because
-- triggers of the application that it fires may rely on it. Ends with the function that called this. (Reading the
-- value from pg_settings took 0.8 ms: that view makes a row of every setting there is.)
CREATE FUNCTION automations.node_use_application_path()
RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    SET LOCAL search_path TO DEFAULT;
END
$$;
