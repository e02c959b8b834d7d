-- Records the steps of a database node as the last statement of its transaction. The COMMIT has been sent behind it
-- already, so a lost lease is an error here, which makes a rollback of it: 40000, which nothing else raises.
CREATE FUNCTION automations.record_with_effect(account_id uuid, execution_id uuid, token uuid, steps jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT automations.record(account_id, execution_id, token, steps) THEN
        RAISE EXCEPTION 'the lease of execution % is lost', execution_id USING ERRCODE = 'transaction_rollback';
    END IF;
END
$$;
