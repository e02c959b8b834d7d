-- Records steps of an execution under its lease, and before the first ones its row: what has acted outside can be seen.
-- False: the lease is lost and nothing was written; the caller rolls back and stops. In the transaction of a database node
-- it is the last write, after the application's rows.
-- Not `durable`: it does not wait for the disk. That is for steps that are about to act: what a crash of the server takes
-- away again is that they were tried, and they act again under the same idempotency keys, which is what onInterrupted
-- "retry" means. Whoever says "fail" is recorded durably.
CREATE FUNCTION automations.record(
    account_id uuid, execution_id uuid, token uuid, steps jsonb, durable boolean DEFAULT true)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- a plan made while a table was empty would read all of it later
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
-- arrays of any length have one plan; making a plan for each call costs more than the call
SET plan_cache_mode = force_generic_plan
-- somebody cancels it in a transaction that stays open: an error that the daemon tries again, no waiting connection
SET lock_timeout = '500ms'
AS $$
DECLARE
    lost_leases smallint;
    is_known boolean;
BEGIN
    IF NOT durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    SELECT q.crashes, q.has_execution INTO lost_leases, is_known FROM automations.queue q
    WHERE q.account_id = record.account_id AND q.id = record.execution_id AND q.lease_token = record.token
      AND q.lease_until > clock_timestamp()
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF NOT is_known AND NOT automations.show_execution(account_id, execution_id, true) THEN
        RETURN false;
    END IF;
    IF jsonb_path_exists(steps, '$[*].wait') THEN
        -- a resume() of this step may be on its way, and is let through first
        IF EXISTS (SELECT FROM automations.hold_executions(ARRAY[record.execution_id]) h WHERE NOT h.held) THEN
            RAISE EXCEPTION 'execution % is locked', record.execution_id USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM automations.write_waits(account_id, execution_id, steps);
    ELSIF is_known AND EXISTS (SELECT FROM automations.waits w WHERE w.execution_id = record.execution_id) THEN
        PERFORM automations.write_waits(account_id, execution_id, steps);
    END IF;
    -- who gets on, even by one step, is not poisonous
    IF automations.write_steps(ARRAY[account_id], ARRAY[execution_id], jsonb_build_array(steps)) > 0
        AND lost_leases > 0 THEN
        UPDATE automations.queue q SET crashes = 0
        WHERE q.account_id = record.account_id AND q.id = record.execution_id;
    END IF;
    RETURN true;
END
$$;
