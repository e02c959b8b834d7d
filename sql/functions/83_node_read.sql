-- The current rows of an execution's lead and conversation for its templates, read as the tenant; null when they are
-- gone, or belong to another account by now.
CREATE FUNCTION automations.node_read(
    account_id uuid, lead_id uuid, conversation_id uuid, OUT lead jsonb, OUT conversation jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF lead_id IS NOT NULL THEN
        lead := automations.node_find(
            account_id, automations.node_source_table('lead'), jsonb_build_object('id', lead_id), NULL, 1) -> 0;
    END IF;
    IF conversation_id IS NOT NULL THEN
        conversation := automations.node_find(account_id, automations.node_source_table('conversation'),
            jsonb_build_object('id', conversation_id), NULL, 1) -> 0;
    END IF;
END
$$;
