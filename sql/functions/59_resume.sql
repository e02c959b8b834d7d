-- Resumes the step that a token names, whoever asks: the token alone counts. True once, then false; false too where the
-- step timed out, was cancelled, or its execution has ended. A token that nobody signed is refused with 22023.
CREATE FUNCTION automations.resume(token text, payload jsonb DEFAULT '{}', outcome text DEFAULT NULL) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'resume_wrapper';
