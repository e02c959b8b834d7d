-- Records the steps of database nodes as the last statement of the transaction in which they acted: records[i] is the list of
-- steps of ids[i], of which the last one is the node's own. All of them, or an error: the COMMIT has been sent behind it
-- already, and the error makes a rollback of it. 40000, which nothing else raises: a lease is lost, or, of several,
-- somebody has locked what one of them needs. 40002: a step is recorded as completed. Whoever looked whether an earlier
-- try was committed may have looked before it was, and its effect must not be there twice (seen).
CREATE FUNCTION automations.record_with_effect(account_ids uuid[], ids uuid[], tokens uuid[], records jsonb)
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
    recorded text;
    is_written boolean;
BEGIN
    -- the earlier try has this row locked until it is over
    PERFORM FROM automations.queue q
    JOIN unnest(account_ids, ids, tokens) AS e (account_id, id, token)
      ON q.account_id = e.account_id AND q.id = e.id AND q.lease_token = e.token
    ORDER BY q.account_id, q.id
    FOR UPDATE OF q;
    SELECT format('step %s of execution %s', s.node_id, s.execution_id) INTO recorded
    FROM unnest(ids) WITH ORDINALITY AS e (id, n)
    CROSS JOIN LATERAL (SELECT records -> (e.n::integer - 1) -> -1 AS own OFFSET 0) o
    JOIN automations.steps s ON s.execution_id = e.id AND s.node_id = o.own ->> 'node_id'
        AND s.place = coalesce(o.own ->> 'place', '[]') AND s.run = (o.own ->> 'run')::integer
    WHERE s.status = 'completed'
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is recorded already', recorded USING ERRCODE = 'transaction_integrity_constraint_violation';
    END IF;
    IF cardinality(ids) = 1 THEN
        is_written := automations.record(account_ids[1], ids[1], tokens[1], records -> 0);
    ELSE
        is_written := (SELECT count(*) FROM automations.record_many(account_ids, ids, tokens, records, true))
            = cardinality(ids);
    END IF;
    IF is_written IS NOT TRUE THEN
        RAISE EXCEPTION 'the steps of % were not recorded', ids USING ERRCODE = 'transaction_rollback';
    END IF;
END
$$;
