-- Ends executions with database nodes as the last statement of the transaction in which those acted: results[i] of ids[i], as
-- finish() takes them. True: some could not be counted at once, as the null of finish() says. All of them, or an error:
-- the COMMIT has been sent behind it already, and a result that was not written (a lease is lost, or somebody has locked
-- an execution) makes a rollback of it: 40000, which nothing else raises.
CREATE FUNCTION automations.finish_with_effect(account_ids uuid[], ids uuid[], tokens uuid[], results jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    ended uuid[];
    written uuid[];
BEGIN
    IF cardinality(ids) = 1 THEN
        IF automations.end_captured(account_ids, ids, tokens, results) <> '{}'
            OR automations.finish_one(account_ids[1], ids[1], tokens[1], results -> 0) THEN
            RETURN false; -- as nearly always; where not, finish() has more to decide
        END IF;
    ELSE
        -- finish() passes over what is locked, and a heartbeat locks all of a daemon's for a moment
        PERFORM FROM automations.queue q
        JOIN unnest(account_ids, ids, tokens) AS e (account_id, id, token)
          ON q.account_id = e.account_id AND q.id = e.id AND q.lease_token = e.token
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q;
        ended := automations.end_captured(account_ids, ids, tokens, results, true);
        IF cardinality(ended) = cardinality(ids) THEN
            RETURN EXISTS (SELECT FROM automations.uncounted);
        END IF;
    END IF;
    -- of what has ended already it finds nothing
    written := ended || ARRAY(SELECT automations.finish(account_ids, ids, tokens, results));
    IF cardinality(array_remove(written, NULL)) <> cardinality(ids) THEN
        RAISE EXCEPTION 'not all of % were ended', ids USING ERRCODE = 'transaction_rollback';
    END IF;
    RETURN array_position(written, NULL) IS NOT NULL OR EXISTS (SELECT FROM automations.uncounted);
END
$$;
