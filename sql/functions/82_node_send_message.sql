-- What the node action-send-message does, called as the tenant: a row in the messages of a conversation of the
-- account; sending it on is the application's work. Returns the row.
CREATE FUNCTION automations.node_send_message(account_id uuid, config jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f record;
BEGIN
    IF coalesce(config ->> 'conversationId', '') = '' THEN
        RAISE EXCEPTION 'there is no conversation to send a message in' USING ERRCODE = 'no_data_found',
            HINT = 'The execution has none, and the node names none in conversationId.';
    END IF;
    SELECT * INTO f FROM automations.node_fields('messages', config);
    PERFORM automations.node_must_see('conversation', config -> 'conversationId', account_id);
    RETURN automations.node_insert(account_id, f.table_name, f.given, NULL);
END
$$;
