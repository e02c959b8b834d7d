-- Shuts a partition against everybody but its owner. Default privileges (Supabase sets them) would otherwise let
-- a tenant read another's rows past the policies of the parent (seen, D11).
CREATE OR REPLACE FUNCTION automations.close_partition(leaf regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given record;
BEGIN
    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = leaf) THEN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', leaf);
    END IF;
    FOR given IN
        SELECT DISTINCT CASE WHEN g.grantee = 0 THEN 'PUBLIC'
                             ELSE quote_ident(pg_get_userbyid(g.grantee)) END AS role
          FROM pg_class c, aclexplode(c.relacl) AS g
         WHERE c.oid = leaf AND g.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', leaf, given.role);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION automations.close_partition(regclass) FROM PUBLIC;
SELECT automations.close_partition('automations.executions_default');
SELECT automations.close_partition('automations.steps_default');
