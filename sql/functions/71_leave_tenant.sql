-- Ends what become_tenant() began, when the triggers that were deferred have run. A trigger of the application that changed the
-- role would have the rest of the transaction run with rights that it must not have: an error.
CREATE FUNCTION automations.leave_tenant(tenant_role text)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'leave_tenant_wrapper';
