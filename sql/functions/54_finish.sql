-- Ends executions under their leases, many at once: results[i] = {status, error, error_code, error_node_id, output,
-- variables, nodes_executed, steps} belongs to ids[i]. Returns the ids that were written; executions that wait for one of
-- them are told. Of several, those that somebody has locked are passed over, so that one open transaction cannot stall
-- the others: call again with the one alone. Its absence in the answer means that the lease is lost, or was let go
-- because of the lock (set_aside). An error where it is the queue row that somebody has locked (refuse_while_locked).
CREATE FUNCTION automations.finish(account_ids uuid[], ids uuid[], tokens uuid[], results jsonb)
RETURNS SETOF uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    held_accounts uuid[];
    held uuid[];
    held_results jsonb;
    held_caused uuid[];
    held_waiting uuid[];
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT q.account_id, q.id, q.caused_by, f.place
        FROM unnest(account_ids, ids, tokens) WITH ORDINALITY AS f (account_id, id, token, place)
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.id AND q.lease_token = f.token
            AND q.lease_until > clock_timestamp()
        ORDER BY q.account_id, q.id
        FOR UPDATE OF q SKIP LOCKED
    ), execution AS MATERIALIZED (
        SELECT h.id, h.held FROM automations.hold_executions(ARRAY(SELECT m.id FROM mine m)) h
    ), parent AS MATERIALIZED (
        -- only what another execution caused can be waited for by one
        SELECT h.child_id, h.held FROM automations.hold_parents(
            ARRAY(SELECT m.id FROM mine m WHERE m.caused_by IS NOT NULL)) h
    ), wait AS MATERIALIZED (
        SELECT h.execution_id, h.held FROM automations.hold_waits(ARRAY(SELECT m.id FROM mine m)) h
    )
    SELECT array_agg(m.account_id ORDER BY m.id), array_agg(m.id ORDER BY m.id),
           jsonb_agg(results -> (m.place - 1)::integer ORDER BY m.id),
           array_agg(m.id) FILTER (WHERE m.caused_by IS NOT NULL),
           array_agg(w.execution_id) FILTER (WHERE w.execution_id IS NOT NULL)
    INTO held_accounts, held, held_results, held_caused, held_waiting
    FROM mine m
    LEFT JOIN execution e ON e.id = m.id
    LEFT JOIN parent p ON p.child_id = m.id
    LEFT JOIN wait w ON w.execution_id = m.id
    WHERE e.held IS NOT FALSE AND p.held IS NOT FALSE AND w.held IS NOT FALSE;
    IF held IS NULL AND cardinality(ids) = 1 THEN
        PERFORM FROM automations.queue q
        WHERE q.account_id = account_ids[1] AND q.id = ids[1] AND q.lease_token = tokens[1]
        FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            PERFORM automations.refuse_while_locked(account_ids[1], ids[1], tokens[1]);
            RETURN;
        END IF;
        PERFORM automations.set_aside(account_ids[1], ids[1], tokens[1], results -> 0 -> 'steps');
    END IF;
    IF held IS NULL THEN
        RETURN;
    END IF;

    UPDATE public.automation_executions e
    SET status = r.result ->> 'status',
        error = r.result ->> 'error',
        error_code = r.result ->> 'error_code',
        error_node_id = r.result ->> 'error_node_id',
        output = nullif(r.result -> 'output', 'null'),
        variables = coalesce(nullif(r.result -> 'variables', 'null'), e.variables),
        nodes_executed = coalesce(nullif(r.result -> 'nodes_executed', 'null'), e.nodes_executed),
        completed_at = greatest(clock_timestamp(), e.started_at),
        duration_ms = automations.milliseconds_since(e.started_at)
    FROM unnest(held) WITH ORDINALITY AS h (id, place)
    CROSS JOIN LATERAL (SELECT held_results -> (h.place - 1)::integer AS result) r
    WHERE e.id = h.id AND e.status IN ('pending', 'running', 'waiting');

    PERFORM automations.write_steps(held_accounts, held, (
        SELECT jsonb_agg(coalesce(l.result -> 'steps', '[]') ORDER BY l.place)
        FROM jsonb_array_elements(held_results) WITH ORDINALITY AS l (result, place)));
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
END
$$;
