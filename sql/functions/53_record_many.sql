-- Records steps of many executions in one transaction: records[i] is the list of steps of ids[i], as record() takes it.
-- Returns the ids whose steps are written. Passed over, and to be recorded one by one, is what somebody has locked, also
-- of what an execution without a row refers to, and what waits for something outside: those have more to decide (record,
-- which also says what `durable` means).
CREATE FUNCTION automations.record_many(
    account_ids uuid[], ids uuid[], tokens uuid[], records jsonb, durable boolean)
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
    held_accounts uuid[];
    held uuid[];
    held_places integer[];
    crashed uuid[];
    new_accounts uuid[];
    new_ids uuid[];
    new_places integer[];
    made uuid[];
BEGIN
    IF NOT durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id, q.has_execution, q.crashes, f.place::integer AS place
        FROM unnest(account_ids, ids, tokens) WITH ORDINALITY AS f (account_id, id, token, place)
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.id AND q.lease_token = f.token
            AND q.lease_until > clock_timestamp()
        WHERE NOT jsonb_path_exists(records -> (f.place - 1)::integer, '$[*].wait')
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    )
    SELECT array_agg(m.account_id) FILTER (WHERE m.has_execution), array_agg(m.id) FILTER (WHERE m.has_execution),
           array_agg(m.place) FILTER (WHERE m.has_execution),
           array_agg(m.account_id) FILTER (WHERE NOT m.has_execution), array_agg(m.id) FILTER (WHERE NOT m.has_execution),
           array_agg(m.place) FILTER (WHERE NOT m.has_execution), array_agg(m.id) FILTER (WHERE m.crashes > 0)
    INTO held_accounts, held, held_places, new_accounts, new_ids, new_places, crashed
    FROM mine m;
    IF held IS NOT NULL AND EXISTS (SELECT FROM automations.waits w WHERE w.execution_id = ANY (held)) THEN
        SELECT array_agg(h.account_id), array_agg(h.id), array_agg(h.place)
        INTO held_accounts, held, held_places
        FROM unnest(held_accounts, held, held_places) AS h (account_id, id, place)
        WHERE NOT EXISTS (SELECT FROM automations.waits w WHERE w.execution_id = h.id);
    END IF;
    IF new_ids IS NOT NULL THEN
        made := automations.create_executions(
            new_accounts, new_ids, array_fill(1, ARRAY[cardinality(new_ids)]), '[{"status": "running"}]');
        UPDATE automations.queue q SET has_execution = true, trigger_data = NULL, steps = NULL
        FROM unnest(new_accounts, new_ids) AS n (account_id, id)
        WHERE q.account_id = n.account_id AND q.id = n.id AND n.id = ANY (made);
        SELECT held_accounts || array_agg(n.account_id), held || array_agg(n.id), held_places || array_agg(n.place)
        INTO held_accounts, held, held_places
        FROM unnest(new_accounts, new_ids, new_places) AS n (account_id, id, place)
        WHERE n.id = ANY (made);
    END IF;
    IF held IS NULL THEN
        RETURN;
    END IF;
    -- who gets on, even by one step, is not poisonous
    IF automations.write_steps(held_accounts, held, records, held_places) > 0
        AND crashed && held THEN
        UPDATE automations.queue q SET crashes = 0
        FROM unnest(held_accounts, held, held_places) AS h (account_id, id, place)
        WHERE q.account_id = h.account_id AND q.id = h.id AND q.id = ANY (crashed)
          AND jsonb_path_exists(records -> (h.place - 1),
              '$[*] ? (@.status != "started" && @.status != "parked" && @.status != "cancelled")');
    END IF;
    RETURN QUERY SELECT unnest(held);
END
$$;
