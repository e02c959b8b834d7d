-- Resumes whatever waits for an outside resume in an execution that the caller may see: as resume() without a token.
-- True if anything was resumed.
CREATE FUNCTION automations.resume_waiting(execution_id uuid, payload jsonb DEFAULT '{}', outcome text DEFAULT NULL)
RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'resume_waiting_wrapper';
