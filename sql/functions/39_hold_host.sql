-- Keeps leads and conversations from being deleted until this transaction ends, without ever waiting: held is false
-- for one that somebody else has locked, and one that is gone is not returned; with the account that has it now. As the
-- owner of the application's tables, and past row level security that is forced upon him.
CREATE FUNCTION automations.hold_host(lead_ids uuid[], conversation_ids uuid[])
RETURNS TABLE (kind text, id uuid, held boolean, account_id uuid)
STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'hold_host_wrapper';
