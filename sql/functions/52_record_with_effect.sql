-- Records the steps of a database node as the last statement of its transaction; the node's own step is the last of them.
-- The COMMIT has been sent behind it already, so a lost lease is an error here, which makes a rollback of it: 40000, which
-- nothing else raises. So is a step that is recorded as completed (40002): whoever looked whether an earlier try was
-- committed may have looked before it was, and its effect must not be there twice (seen).
CREATE FUNCTION automations.record_with_effect(account_id uuid, execution_id uuid, token uuid, steps jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- as record()
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
SET lock_timeout = '500ms'
AS $$
DECLARE
    own jsonb := steps -> -1;
BEGIN
    -- the earlier try has this row locked until it is over
    PERFORM FROM automations.queue q
    WHERE q.account_id = record_with_effect.account_id AND q.id = record_with_effect.execution_id
      AND q.lease_token = record_with_effect.token
    FOR UPDATE;
    IF EXISTS (
        SELECT FROM automations.steps s
        WHERE s.execution_id = record_with_effect.execution_id AND s.node_id = own ->> 'node_id'
          AND s.place = coalesce(own ->> 'place', '[]') AND s.run = (own ->> 'run')::integer
          AND s.status = 'completed') THEN
        RAISE EXCEPTION 'step % of execution % is recorded already', own ->> 'node_id', execution_id
            USING ERRCODE = 'transaction_integrity_constraint_violation';
    END IF;
    IF NOT automations.record(account_id, execution_id, token, steps) THEN
        RAISE EXCEPTION 'the lease of execution % is lost', execution_id USING ERRCODE = 'transaction_rollback';
    END IF;
END
$$;
