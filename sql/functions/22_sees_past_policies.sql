-- Could a role, or one that it is a member of, do what no tenant may (roles_past_policies)? Membership counts at any distance:
-- the daemon, who acts as the tenant, could become each of them.
CREATE FUNCTION automations.sees_past_policies(tenant name) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM automations.roles_past_policies() r WHERE pg_has_role(tenant, r, 'MEMBER'));
END
$$;
