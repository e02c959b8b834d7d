-- Records, in the queue rows of executions that have no row of their own yet, the steps with which they are about to act
-- outside: records[i] is the list of steps of ids[i]. Returns the ids of which it is written. Passed over, and to be recorded
-- by record(), is what has a row already or has killed a daemon, what somebody has locked, and what has kept some before. What
-- becomes of it: whoever ends or records such an execution says all of its steps again; a claim that takes it over, and
-- whoever else makes its row, finds them here (show_execution).
-- It does not wait for the disk, as a claim and for the same reason: what a crash of the server takes away again is that
-- they were tried, and they act again under the same idempotency keys (docs/decisions/steps_kept_in_the_queue.md).
CREATE FUNCTION automations.keep_steps(account_ids uuid[], ids uuid[], tokens uuid[], records jsonb)
RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- rows are looked up by their keys, one by one: a bitmap for each of them costs twice as much
SET enable_bitmapscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
-- arrays of any length have one plan; making a plan for each call costs more than the call
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    -- assigned: a statement would have to be set up
    done text := set_config('synchronous_commit', 'off', true);
    kept constant uuid[] := automations.keep_captured(account_ids, ids, tokens, records);
BEGIN
    IF cardinality(kept) = 1 THEN
        -- to set up a statement costs more than to run it
        RETURN NEXT kept[1];
    ELSE
        RETURN QUERY SELECT unnest(kept);
    END IF;
    IF cardinality(kept) = cardinality(ids) THEN
        RETURN;
    END IF;
    -- where the queue is not as usual, or somebody has changed one of them just now
    RETURN QUERY
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id, k.place::integer AS place
        FROM unnest(account_ids, ids, tokens) WITH ORDINALITY AS k (account_id, id, token, place)
        JOIN automations.queue q ON q.account_id = k.account_id AND q.id = k.id AND q.lease_token = k.token
            AND q.lease_until > clock_timestamp()
        WHERE NOT q.has_execution AND q.crashes = 0 AND q.steps IS NULL
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    )
    UPDATE automations.queue q SET steps = records -> (m.place - 1)
    FROM mine m WHERE q.account_id = m.account_id AND q.id = m.id
    RETURNING q.id;
END
$$;
