-- What is wrong with a graph, errors first: the check that saving an active automation begins with. A save also looks
-- at what belongs to the row and not to the graph: what it listens to, its schedule, its options.
CREATE FUNCTION automations.validate(nodes jsonb, edges jsonb)
RETURNS TABLE (severity text, code text, node_id text, message text)
LANGUAGE c AS 'MODULE_PATHNAME', 'validate_wrapper';
