-- The execution on whose behalf this transaction writes, and the depth of what it causes: what capture copies to the
-- queue, for what is started by a call.
CREATE FUNCTION automations.provenance() RETURNS TABLE (execution_id uuid, depth smallint)
LANGUAGE c AS 'MODULE_PATHNAME', 'provenance_wrapper';
