-- Whether this lead and this conversation, where they are named, are there, belong to the account, and nobody else has them
-- locked: the quick question about one execution. It keeps them from being deleted until this transaction ends, and never
-- waits.
CREATE FUNCTION automations.is_held(account_id uuid, lead_id uuid, conversation_id uuid) RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'is_held_wrapper';
