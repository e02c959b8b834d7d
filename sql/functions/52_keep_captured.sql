-- Keeps steps as keep_steps() says it, of which all is as usual, and returns the ids: their leases hold, they keep nothing yet, nobody
-- has locked them, and the queue is as install() makes it. Nobody is waited for.
CREATE FUNCTION automations.keep_captured(account_ids uuid[], ids uuid[], tokens uuid[], records jsonb) RETURNS uuid[]
STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'keep_captured_wrapper';
