-- Records that steps are about to act, without waiting for the disk. What a crash of the server takes away again is that
-- they were tried: they act again under the same idempotency keys, which is what onInterrupted "retry" means. Whoever
-- says "fail" is recorded by record().
CREATE FUNCTION automations.record_started(account_id uuid, execution_id uuid, token uuid, steps jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN automations.record(account_id, execution_id, token, steps);
END
$$;
