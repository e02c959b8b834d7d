-- Starts an execution that the caller may see and that has ended again, as a new one: from the start, or from the last
-- run of `from_node`, in whatever place it was; what had completed before that began is taken over. With the version of
-- the old one, or with the newest. Refused where what would be taken over does not fit the graph.
CREATE FUNCTION automations.retry(execution_id uuid, from_node text DEFAULT NULL, latest boolean DEFAULT false)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'retry_wrapper';
