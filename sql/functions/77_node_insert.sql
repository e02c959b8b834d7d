-- Inserts one row for a node (node_insert_statement) and returns it.
CREATE FUNCTION automations.node_insert(account_id uuid, table_name text, given jsonb, conflict text[])
RETURNS jsonb
LANGUAGE c AS 'MODULE_PATHNAME', 'node_insert_wrapper';
