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
    own jsonb;
    is_written boolean;
BEGIN
    IF cardinality(ids) > 1 THEN
        PERFORM set_config('lock_timeout', '50ms', true); -- they hold rows of the application for each other
    END IF;
    -- the earlier try has this row locked until it is over
    PERFORM FROM automations.queue q
    JOIN unnest(account_ids, ids, tokens) AS e (account_id, id, token)
      ON q.account_id = e.account_id AND q.id = e.id AND q.lease_token = e.token
    ORDER BY q.account_id, q.id
    FOR UPDATE OF q;
    IF cardinality(ids) = 1 THEN
        own := records -> 0 -> -1;
        -- by a constant, for which only its partition is opened
        PERFORM FROM automations.steps s
        WHERE s.execution_id = ids[1] AND s.node_id = own ->> 'node_id' AND s.place = coalesce(own ->> 'place', '[]')
          AND s.run = (own ->> 'run')::integer AND s.status = 'completed';
    ELSE
        PERFORM FROM unnest(ids) WITH ORDINALITY AS e (id, n)
        CROSS JOIN LATERAL (SELECT records -> (e.n::integer - 1) -> -1 AS step OFFSET 0) o
        JOIN automations.steps s ON s.execution_id = e.id AND s.node_id = o.step ->> 'node_id'
            AND s.place = coalesce(o.step ->> 'place', '[]') AND s.run = (o.step ->> 'run')::integer
        WHERE s.status = 'completed';
    END IF;
    IF FOUND THEN
        RAISE EXCEPTION 'a step of % is recorded already', ids
            USING ERRCODE = 'transaction_integrity_constraint_violation';
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
