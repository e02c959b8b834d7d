-- Ends an execution with a database node as the last statement of that node's transaction. The COMMIT has been sent behind
-- it already, so a result that was not written (the lease is lost, or somebody has locked the execution) is an error
-- here, which makes a rollback of it: 40000, which nothing else raises.
CREATE FUNCTION automations.finish_with_effect(account_id uuid, execution_id uuid, token uuid, result jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM automations.finish(ARRAY[account_id], ARRAY[execution_id], ARRAY[token], jsonb_build_array(result));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % was not ended', execution_id USING ERRCODE = 'transaction_rollback';
    END IF;
END
$$;
