-- Ends executions under their leases, many at once: results[i] = {status, error, error_code, error_node_id, output,
-- variables, nodes_executed, steps} belongs to ids[i]; output and steps may point into nodes_executed (output_of,
-- whole_step). Returns the ids that were written; executions that wait for one of them are told. A null among them: of
-- several, some could not be counted at once (count_executions), and fold_uncounted() is to be called when there is nothing
-- more to end. Of several, those that somebody has locked are passed over, so that one open transaction cannot stall the
-- others: call again with the one alone. Its absence in the answer means that the lease is lost, or was let go because of
-- the lock (set_aside). An error where it is the queue row that somebody has locked (refuse_while_locked), or what an
-- execution refers to that has no row yet: it is written once, with its end, and the lease is kept meanwhile.
-- What most of them come to is done without a query (end_captured); what follows decides about the others.
CREATE FUNCTION automations.finish(account_ids uuid[], ids uuid[], tokens uuid[], results jsonb)
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
    known_accounts uuid[];
    known uuid[];
    known_places integer[];
    new_accounts uuid[];
    new_ids uuid[];
    new_places integer[];
    held_caused uuid[];
    held_waiting uuid[];
    made uuid[];
    ended constant uuid[] := automations.end_captured(account_ids, ids, tokens, results);
BEGIN
    IF cardinality(ids) = 1 AND (
        cardinality(ended) = 1 OR automations.finish_one(account_ids[1], ids[1], tokens[1], results -> 0)) THEN
        RETURN NEXT ids[1];
        RETURN;
    END IF;
    IF ended <> '{}' THEN
        RETURN QUERY SELECT unnest(ended);
        IF EXISTS (SELECT FROM automations.uncounted) THEN
            RETURN NEXT NULL;
        END IF;
        IF cardinality(ended) = cardinality(ids) THEN
            RETURN;
        END IF;
    END IF;
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id, q.caused_by, q.has_execution, f.place::integer AS place
        FROM unnest(account_ids, ids, tokens) WITH ORDINALITY AS f (account_id, id, token, place)
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.id AND q.lease_token = f.token
            AND q.lease_until > clock_timestamp()
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    ), execution AS MATERIALIZED (
        SELECT h.id, h.held FROM automations.hold_executions(
            ARRAY(SELECT m.id FROM mine m WHERE m.has_execution)) h
    ), parent AS MATERIALIZED (
        -- only what another execution caused can be waited for by one, and has its row from the start
        SELECT h.child_id, h.held FROM automations.hold_parents(
            ARRAY(SELECT m.id FROM mine m JOIN execution e ON e.id = m.id WHERE m.caused_by IS NOT NULL)) h
    ), wait AS MATERIALIZED (
        -- what has recorded nothing waits for nothing. Asked with what `execution` gave, so that it is asked after it,
        -- whichever way the joins go: before an execution is held, somebody may still bring it something
        SELECT h.execution_id, h.held FROM automations.hold_waits(ARRAY(SELECT e.id FROM execution e)) h
    ), free AS (
        SELECT m.*, w.execution_id IS NOT NULL AS waits
        FROM mine m
        LEFT JOIN execution e ON e.id = m.id
        LEFT JOIN parent p ON p.child_id = m.id
        LEFT JOIN wait w ON w.execution_id = m.id
        WHERE e.held IS NOT FALSE AND p.held IS NOT FALSE AND w.held IS NOT FALSE
    )
    SELECT array_agg(f.account_id) FILTER (WHERE f.has_execution), array_agg(f.id) FILTER (WHERE f.has_execution),
           array_agg(f.place) FILTER (WHERE f.has_execution),
           array_agg(f.account_id) FILTER (WHERE NOT f.has_execution), array_agg(f.id) FILTER (WHERE NOT f.has_execution),
           array_agg(f.place) FILTER (WHERE NOT f.has_execution),
           array_agg(f.id) FILTER (WHERE f.caused_by IS NOT NULL AND f.has_execution), array_agg(f.id) FILTER (WHERE f.waits)
    INTO held_accounts, held, held_places, new_accounts, new_ids, new_places, held_caused, held_waiting
    FROM free f;
    known_accounts := held_accounts;
    known := held;
    known_places := held_places;
    IF new_ids IS NOT NULL THEN
        made := automations.create_executions(new_accounts, new_ids, new_places, results);
        SELECT held_accounts || array_agg(n.account_id), held || array_agg(n.id), held_places || array_agg(n.place)
        INTO held_accounts, held, held_places
        FROM unnest(new_accounts, new_ids, new_places) AS n (account_id, id, place)
        WHERE n.id = ANY (made);
    END IF;
    IF held IS NULL AND cardinality(ids) = 1 THEN
        PERFORM FROM automations.queue q
        WHERE q.account_id = account_ids[1] AND q.id = ids[1] AND q.lease_token = tokens[1] AND q.has_execution
        FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            PERFORM automations.refuse_while_locked(account_ids[1], ids[1], tokens[1]);
            RETURN;
        END IF;
        PERFORM automations.set_aside(account_ids[1], ids[1], tokens[1], (
            SELECT jsonb_agg(automations.whole_step(l.step, results -> 0) ORDER BY l.position)
            FROM jsonb_array_elements(coalesce(nullif(results -> 0 -> 'steps', 'null'), '[]'))
                WITH ORDINALITY AS l (step, position)));
    END IF;
    IF held IS NULL THEN
        RETURN;
    END IF;

    IF known IS NOT NULL THEN
        UPDATE public.automation_executions e
        SET status = r.result ->> 'status',
            error = r.result ->> 'error',
            error_code = r.result ->> 'error_code',
            error_node_id = r.result ->> 'error_node_id',
            output = automations.output_of(r.result),
            variables = coalesce(nullif(r.result -> 'variables', 'null'), e.variables),
            nodes_executed = coalesce(nullif(r.result -> 'nodes_executed', 'null'), e.nodes_executed),
            completed_at = greatest(clock_timestamp(), e.started_at),
            duration_ms = automations.milliseconds_since(e.started_at)
        FROM unnest(known, known_places) AS h (id, place)
        CROSS JOIN LATERAL (SELECT results -> (h.place - 1) AS result OFFSET 0) r
        -- the array beside the join, and not IN: a plan that was made while the table was small would read all of it, or all
        -- that had one of these states until a vacuum, by the index on status (seen)
        WHERE e.id = h.id AND e.id = ANY (known) AND e.status NOT IN ('completed', 'failed', 'cancelled');
        -- those of what is made with its end are in its row (create_executions)
        PERFORM automations.write_steps(known_accounts, known, results, known_places);
    END IF;
    IF held_waiting IS NOT NULL THEN
        PERFORM automations.end_waits(held_waiting, false);
    END IF;
    IF held_caused IS NOT NULL THEN
        PERFORM automations.hand_to_parents(held_caused);
    END IF;

    PERFORM automations.free_slots(held);
    RETURN QUERY
    DELETE FROM automations.queue q
    USING unnest(held_accounts, held) AS h (account_id, id)
    WHERE q.account_id = h.account_id AND q.id = h.id
    RETURNING q.id;
    IF cardinality(ids) > 1 AND EXISTS (SELECT FROM automations.uncounted) THEN
        RETURN NEXT NULL;
    END IF;
END
$$;
