-- Whether all of these automations, leads and conversations are there and nobody else has them locked: the quick question
-- of a claim about what it is going to start. It keeps them from being deleted until this transaction ends, and never
-- waits. Each is named once. Which of them it is that is not, inspect() finds out.
CREATE FUNCTION automations.all_held(automation_ids uuid[], lead_ids uuid[], conversation_ids uuid[]) RETURNS boolean
STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'all_held_wrapper';
