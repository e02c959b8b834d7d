-- Gives the statements of the function that calls this the search path of an ordinary session instead of our own pinned
-- one. Statements of nodes do it by themselves now (extension/src/tenant/path.rs); it stays for dumps of installations
-- whose grants name it.
CREATE FUNCTION automations.node_use_application_path()
RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    SET LOCAL search_path TO DEFAULT;
END
$$;
