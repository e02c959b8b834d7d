-- What the node action-create-booking does, called as the tenant. The lead that it names must be one of the
-- account's. Returns the row.
CREATE FUNCTION automations.node_create_booking(account_id uuid, config jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f record;
BEGIN
    SELECT * INTO f FROM automations.node_fields('bookings', config);
    PERFORM automations.node_must_see('lead', config -> 'leadId', account_id);
    RETURN automations.node_insert(account_id, f.table_name, f.given, NULL);
END
$$;
