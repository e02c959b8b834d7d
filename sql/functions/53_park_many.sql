-- Parks executions that only wait for time to pass, many in one transaction: parks[i] = {wake_in_ms, steps,
-- nodes_executed, variables} belongs to ids[i], as park() takes them. Returns the ids that are parked. Passed over, and
-- to be parked one by one, is what somebody has locked, also of what an execution without a row refers to, what somebody has
-- ended by hand, and what waits for something outside as well: those have more to decide (park).
CREATE FUNCTION automations.park_many(account_ids uuid[], ids uuid[], tokens uuid[], parks jsonb)
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
    known uuid[];
    known_places integer[];
    new_accounts uuid[];
    new_ids uuid[];
    new_places integer[];
    made uuid[];
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id, q.has_execution, f.place::integer AS place
        FROM unnest(account_ids, ids, tokens) WITH ORDINALITY AS f (account_id, id, token, place)
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.id AND q.lease_token = f.token
            AND q.lease_until > clock_timestamp()
        WHERE NOT jsonb_path_exists(parks -> (f.place - 1)::integer, '$.steps[*].wait')
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    ), execution AS MATERIALIZED (
        SELECT h.id, h.held AND NOT h.final AS may_wait
        FROM automations.hold_executions(ARRAY(SELECT m.id FROM mine m WHERE m.has_execution)) h
    )
    SELECT array_agg(m.account_id) FILTER (WHERE m.has_execution), array_agg(m.id) FILTER (WHERE m.has_execution),
           array_agg(m.place) FILTER (WHERE m.has_execution),
           array_agg(m.account_id) FILTER (WHERE NOT m.has_execution), array_agg(m.id) FILTER (WHERE NOT m.has_execution),
           array_agg(m.place) FILTER (WHERE NOT m.has_execution)
    INTO held_accounts, held, held_places, new_accounts, new_ids, new_places
    FROM mine m LEFT JOIN execution e ON e.id = m.id
    WHERE e.may_wait IS NOT FALSE;
    -- not above: a resume that was there before the lock, and committed while that statement ran, would not be seen
    IF EXISTS (SELECT FROM automations.waits x WHERE x.execution_id = ANY (held)) THEN
        SELECT array_agg(h.account_id), array_agg(h.id), array_agg(h.place)
        INTO held_accounts, held, held_places
        FROM unnest(held_accounts, held, held_places) AS h (account_id, id, place)
        WHERE NOT EXISTS (SELECT FROM automations.waits x WHERE x.execution_id = h.id);
    END IF;
    known := held;
    known_places := held_places;
    IF new_ids IS NOT NULL THEN
        made := automations.create_executions(new_accounts, new_ids, new_places, (
            SELECT jsonb_agg(p.park || '{"status": "waiting"}' ORDER BY p.place)
            FROM jsonb_array_elements(parks) WITH ORDINALITY AS p (park, place)));
        SELECT held_accounts || array_agg(n.account_id), held || array_agg(n.id), held_places || array_agg(n.place)
        INTO held_accounts, held, held_places
        FROM unnest(new_accounts, new_ids, new_places) AS n (account_id, id, place)
        WHERE n.id = ANY (made);
    END IF;
    IF held IS NULL THEN
        RETURN;
    END IF;

    IF known IS NOT NULL THEN
        UPDATE public.automation_executions e
        SET status = 'waiting',
            nodes_executed = coalesce(nullif(p.park -> 'nodes_executed', 'null'), e.nodes_executed),
            variables = coalesce(nullif(p.park -> 'variables', 'null'), e.variables)
        FROM unnest(known, known_places) AS h (id, place)
        CROSS JOIN LATERAL (SELECT parks -> (h.place - 1) AS park OFFSET 0) p
        WHERE e.id = h.id AND e.id = ANY (known); -- the array, too: see finish()
    END IF;
    PERFORM automations.write_steps(held_accounts, held, parks, held_places);
    WITH left_queue AS (
        DELETE FROM automations.queue q
        USING unnest(held_accounts, held, held_places) AS h (account_id, id, place)
        WHERE q.account_id = h.account_id AND q.id = h.id
        RETURNING q.*, (parks -> (h.place - 1) ->> 'wake_in_ms')::bigint AS wake_in_ms
    )
    INSERT INTO automations.parked (
        execution_id, account_id, automation_id, version, lead_id, conversation_id, trigger_type, caused_by, depth,
        test_mode, attempt, priority, wake_at)
    SELECT l.id, l.account_id, l.automation_id, l.version, l.lead_id, l.conversation_id, l.trigger_type, l.caused_by,
           l.depth, l.test_mode, l.attempt, l.priority, automations.in_milliseconds(l.wake_in_ms)
    FROM left_queue l;
    PERFORM automations.free_slots(held);
    RETURN QUERY SELECT unnest(held);
END
$$;
