-- Ends executions with database nodes as the last statement of the transaction in which those acted: results[i] of ids[i], as
-- finish() takes them. True: some could not be counted at once, as the null of finish() says. All of them, or an error:
-- the COMMIT has been sent behind it already, and a result that was not written (a lease is lost, or somebody has locked
-- an execution) makes a rollback of it: 40000, which nothing else raises.
CREATE FUNCTION automations.finish_with_effect(account_ids uuid[], ids uuid[], tokens uuid[], results jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    written uuid[] := ARRAY(SELECT automations.finish(account_ids, ids, tokens, results));
BEGIN
    IF cardinality(array_remove(written, NULL)) <> cardinality(ids) THEN
        RAISE EXCEPTION 'not all of % were ended', ids USING ERRCODE = 'transaction_rollback';
    END IF;
    RETURN array_position(written, NULL) IS NOT NULL;
END
$$;
