-- Queues what listens to a change that capture put down before it knew who does (automations.missed without an
-- automation). Called by replay_missed(); acts as the owner of the tables itself. Returns how many it queued.
CREATE FUNCTION automations.replay_change(tab text, operation text, data jsonb, caused_by uuid, depth smallint)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'replay_change_wrapper';
