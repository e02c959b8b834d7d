-- What a daemon that has one execution in hand is told when its queue row, or what an execution without a row of its own
-- refers to, could not be locked: nothing where the lease is gone, else an error that says to try again. It may be its own
-- heartbeat that holds the row for a moment; taken for a lost lease, the execution would lie there until the lease has
-- lapsed (seen: 30 s). Nothing waits here (set_aside).
CREATE FUNCTION automations.refuse_while_locked(account_id uuid, execution_id uuid, token uuid)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM automations.queue q
        WHERE q.account_id = refuse_while_locked.account_id AND q.id = refuse_while_locked.execution_id
          AND q.lease_token = refuse_while_locked.token AND q.lease_until > clock_timestamp()) THEN
        RAISE EXCEPTION 'somebody has locked the queue row of execution %, or what it refers to', execution_id
            USING ERRCODE = 'lock_not_available', HINT = 'Try again in a moment.';
    END IF;
END
$$;
