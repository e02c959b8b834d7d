-- Starts an automation that the caller may see with an event that he may see and that is of the same account, whatever
-- the automation waits for otherwise: with what was emitted, or, of an occasion that was kept (a call of a webhook, a
-- fire of a schedule, a captured change), with what it had brought. In test mode as run(). Each call is a new execution.
CREATE FUNCTION automations.replay(event_id uuid, automation_id uuid, test_mode boolean DEFAULT false)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'replay_wrapper';
