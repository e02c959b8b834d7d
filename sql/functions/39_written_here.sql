-- Whether this transaction itself wrote the row version with that xmin: wait() would wait for itself.
CREATE FUNCTION automations.written_here(xid xid) RETURNS boolean
STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'written_here_wrapper';
