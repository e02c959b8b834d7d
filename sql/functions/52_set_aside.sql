-- Hands back an execution whose rows somebody else has locked (a member who deletes or cancels it in a transaction that
-- stays open): its steps are kept, the lease is let go where the queue row is free, and it is claimed again when the
-- lock is gone. Nothing here waits: a daemon writes for all accounts over a few connections, and one open transaction
-- of one of them stopped all others (seen). A step that waits is not recorded, and begins to wait again: its row in
-- automations.waits may be what is locked.
CREATE FUNCTION automations.set_aside(account_id uuid, execution_id uuid, token uuid, steps jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM automations.queue q
    WHERE q.account_id = set_aside.account_id AND q.id = set_aside.execution_id
      AND q.lease_token = set_aside.token AND q.lease_until > clock_timestamp();
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM automations.write_steps(ARRAY[set_aside.account_id], ARRAY[set_aside.execution_id], (
        SELECT jsonb_build_array(coalesce(jsonb_agg(l.step ORDER BY l.position), '[]'))
        FROM jsonb_array_elements(coalesce(nullif(set_aside.steps, 'null'), '[]')) WITH ORDINALITY AS l (step, position)
        WHERE l.step -> 'wait' IS NULL));
    WITH free AS MATERIALIZED (
        SELECT q.account_id, q.id FROM automations.queue q
        WHERE q.account_id = set_aside.account_id AND q.id = set_aside.execution_id
          AND q.lease_token = set_aside.token
        FOR UPDATE SKIP LOCKED
    )
    UPDATE automations.queue q SET lease_token = NULL, lease_until = NULL
    FROM free f WHERE q.account_id = f.account_id AND q.id = f.id;
END
$$;
