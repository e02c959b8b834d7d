-- Reads rows for a node (node_find_statement): a list.
CREATE FUNCTION automations.node_find(account_id uuid, table_name text, filter jsonb, order_by jsonb, most integer)
RETURNS jsonb
STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'node_find_wrapper';
