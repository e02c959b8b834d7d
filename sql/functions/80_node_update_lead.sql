-- What the node action-update-lead does, called as the tenant: changes columns of one lead of the account, or makes
-- it when it is not there and the node says so. Returns the row as it is now.
CREATE FUNCTION automations.node_update_lead(
    account_id uuid, lead_id uuid, updates jsonb, create_if_not_exists boolean)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leads text := automations.node_source_table('lead');
    this jsonb := jsonb_build_object('id', lead_id);
    found jsonb := '[]';
    changes jsonb := coalesce(nullif(updates, 'null'), '{}');
BEGIN
    IF lead_id IS NOT NULL THEN
        found := CASE WHEN changes = '{}' THEN automations.node_find(account_id, leads, this, NULL, 1)
            ELSE automations.node_change(account_id, leads, this, changes) -> 'rows' END;
    END IF;
    IF found <> '[]' THEN
        RETURN found -> 0;
    ELSIF create_if_not_exists THEN
        RETURN automations.node_insert(account_id, leads, changes || jsonb_strip_nulls(this), NULL);
    END IF;
    RAISE EXCEPTION 'lead % does not exist', coalesce(lead_id::text, '(none)') USING ERRCODE = 'no_data_found',
        HINT = 'The execution has no lead, it was deleted, or it belongs to another account.';
END
$$;
