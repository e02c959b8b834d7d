-- Ends what become_tenant() began, as leave_tenant() does, behind the tenant's last call: that is what is given for `came_to`, because
-- an argument is evaluated before. Returns what it came to.
CREATE FUNCTION automations.last_of_tenant(tenant_role text, came_to text)
RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'last_of_tenant_wrapper';
