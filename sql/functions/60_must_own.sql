-- Refuses a lead or conversation that does not belong to the account, in the words in which it refuses one that is
-- not there: who asks must not learn which of the two it is.
CREATE FUNCTION automations.must_own(source text, key uuid, account_id uuid)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF key IS NOT NULL AND automations.owner_of(
        (SELECT s.tab FROM automations.sources s WHERE s.source = must_own.source), key) IS DISTINCT FROM account_id
    THEN
        RAISE EXCEPTION '% % does not exist', source, key USING ERRCODE = 'foreign_key_violation';
    END IF;
END
$$;
