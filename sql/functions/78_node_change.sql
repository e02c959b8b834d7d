-- Updates or deletes rows for a node (node_change_statement): {"count", "rows"}.
CREATE FUNCTION automations.node_change(account_id uuid, table_name text, filter jsonb, given jsonb)
RETURNS jsonb
LANGUAGE c AS 'MODULE_PATHNAME', 'node_change_wrapper';
