-- Cancels an execution that the caller may see. False when it does not exist or has ended already.
CREATE FUNCTION automations.cancel(execution_id uuid) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'cancel_wrapper';
