-- Ends executions that were captured changes until now, of which all is as usual, and returns their ids; finish() says what a
-- result is. `locked`: this transaction has their queue rows locked; else nobody is waited for. What is not among them is as
-- it was: the lease is lost, somebody has locked it, something that it refers to is gone, changed hands or is locked, its
-- changes are kept, it has a row, or a table is not as install() makes it. finish() decides about these.
CREATE FUNCTION automations.end_captured(
    account_ids uuid[], ids uuid[], tokens uuid[], results jsonb, locked boolean DEFAULT false) RETURNS uuid[]
STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'end_captured_wrapper';
