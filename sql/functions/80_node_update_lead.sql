-- What the node action-update-lead does, called as the tenant: changes columns of one lead of the account, or makes
-- it when it is not there and the node says so. Returns the row as it is now.
CREATE FUNCTION automations.node_update_lead(
    account_id uuid, lead_id uuid, updates jsonb, create_if_not_exists boolean)
RETURNS jsonb
LANGUAGE c AS 'MODULE_PATHNAME', 'node_update_lead_wrapper';
