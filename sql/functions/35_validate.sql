-- What is wrong with a graph, errors first: the check that saving an active automation makes.
CREATE FUNCTION automations.validate(nodes jsonb, edges jsonb)
RETURNS TABLE (severity text, code text, node_id text, message text)
LANGUAGE c AS 'MODULE_PATHNAME', 'validate_wrapper';
