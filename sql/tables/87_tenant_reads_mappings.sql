-- Which tables and columns action-create-booking and action-send-message write is no secret to the tenants in whose
-- name they do it; the other settings are.
DROP POLICY IF EXISTS "everybody who may call automations sees the mappings" ON automations.settings;
CREATE POLICY "everybody who may call automations sees the mappings" ON automations.settings
    FOR SELECT USING (name IN ('bookings', 'messages'));
DO $$
DECLARE
    tenant text := (SELECT value #>> '{}' FROM automations.settings WHERE name = 'tenant_role');
BEGIN
    IF to_regrole(quote_ident(tenant)) IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON automations.settings TO %I', tenant);
    END IF;
END
$$;
