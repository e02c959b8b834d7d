-- Makes the rows of executions that were captured changes until now, each with what is known of it: results[places[i]] =
-- {status, error, error_code, error_node_id, output, variables, nodes_executed, steps} belongs to ids[i]. The steps of what
-- is made as it ended stay in its row. Called with their queue rows locked, before these go. Returns the ids that were made.
-- Not made, without waiting: what refers to something that somebody has locked (a tenant's lock must not stall the others),
-- and what belongs to an automation that is gone, whose queue row goes too. A lead or conversation that vanished or changed
-- hands since the change becomes null.
-- Those that are made with a final state are counted here: statistics of what is inserted are the business of whoever
-- inserts it, so that a restored history counts nothing.
CREATE FUNCTION automations.create_executions(account_ids uuid[], ids uuid[], places integer[], results jsonb)
RETURNS uuid[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- rows are looked up by their keys, one by one: a bitmap for each of them costs twice as much
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    free_accounts uuid[];
    free uuid[];
    free_places integer[];
    free_leads uuid[];
    free_conversations uuid[];
    dropped_accounts uuid[];
    dropped uuid[];
    ended_automations uuid[];
    ended_statuses text[];
    ended_codes text[];
    ended_at timestamptz[];
BEGIN
    WITH turn AS MATERIALIZED (
        SELECT q.account_id, q.id, q.automation_id, q.lead_id, q.conversation_id, p.place
        FROM unnest(account_ids, ids, places) AS p (account_id, id, place)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id AND NOT q.has_execution
    ), automation AS MATERIALIZED (
        SELECT h.id, h.held FROM automations.hold_automations(
            ARRAY(SELECT DISTINCT t.automation_id FROM turn t)) h
    ), lead AS MATERIALIZED (
        -- leads and conversations each by themselves: of a list of both the planner expects few of either, and would look
        -- through all of it for each execution
        SELECT h.id, h.held, h.account_id FROM automations.hold_host(
            ARRAY(SELECT DISTINCT t.lead_id FROM turn t WHERE t.lead_id IS NOT NULL), '{}') h
    ), conversation AS MATERIALIZED (
        SELECT h.id, h.held, h.account_id FROM automations.hold_host(
            '{}', ARRAY(SELECT DISTINCT t.conversation_id FROM turn t WHERE t.conversation_id IS NOT NULL)) h
    ), looked AS (
        SELECT t.account_id, t.id, t.place, a.id IS NULL AS is_gone,
               a.held AND l.held IS NOT FALSE AND c.held IS NOT FALSE AS is_free,
               CASE WHEN l.account_id = t.account_id THEN l.id END AS lead_id,
               CASE WHEN c.account_id = t.account_id THEN c.id END AS conversation_id
        FROM turn t
        LEFT JOIN automation a ON a.id = t.automation_id
        LEFT JOIN lead l ON l.id = t.lead_id
        LEFT JOIN conversation c ON c.id = t.conversation_id
    )
    SELECT array_agg(k.account_id) FILTER (WHERE k.is_free), array_agg(k.id) FILTER (WHERE k.is_free),
           array_agg(k.place) FILTER (WHERE k.is_free), array_agg(k.lead_id) FILTER (WHERE k.is_free),
           array_agg(k.conversation_id) FILTER (WHERE k.is_free),
           array_agg(k.account_id) FILTER (WHERE k.is_gone), array_agg(k.id) FILTER (WHERE k.is_gone)
    INTO free_accounts, free, free_places, free_leads, free_conversations, dropped_accounts, dropped
    FROM looked k;
    IF dropped IS NOT NULL THEN
        DELETE FROM automations.queue q USING unnest(dropped_accounts, dropped) AS d (account_id, id)
        WHERE q.account_id = d.account_id AND q.id = d.id;
        PERFORM automations.free_slots(dropped);
    END IF;
    IF free IS NULL THEN
        RETURN '{}';
    END IF;

    WITH ready AS MATERIALIZED (
        SELECT q.account_id, q.id, q.automation_id, q.version, q.trigger_type, q.trigger_data, q.occurred_at, q.test_mode,
               q.caused_by, q.depth, q.steps, f.lead_id, f.conversation_id, r.result, r.result ->> 'status' AS status,
               CASE WHEN r.result ->> 'status' IN ('completed', 'failed', 'cancelled')
                    THEN greatest(clock_timestamp(), q.occurred_at) END AS ended_at
        FROM unnest(free_accounts, free, free_places, free_leads, free_conversations)
            AS f (account_id, id, place, lead_id, conversation_id)
        JOIN automations.queue q ON q.account_id = f.account_id AND q.id = f.id
        CROSS JOIN LATERAL (SELECT results -> (f.place - 1) AS result OFFSET 0) r
    ), created AS (
        INSERT INTO public.automation_executions (
            id, automation_id, account_id, version, trigger_type, trigger_data, status, started_at, test_mode, lead_id,
            conversation_id, caused_by, depth, error, error_code, error_node_id, output, variables, nodes_executed,
            completed_at, duration_ms, steps)
        SELECT r.id, r.automation_id, r.account_id,
               coalesce(r.version, (SELECT a.version FROM public.automations a WHERE a.id = r.automation_id)),
               r.trigger_type, r.trigger_data, r.status, r.occurred_at, r.test_mode, r.lead_id, r.conversation_id,
               r.caused_by, r.depth, r.result ->> 'error', r.result ->> 'error_code', r.result ->> 'error_node_id',
               automations.output_of(r.result), coalesce(nullif(r.result -> 'variables', 'null'), '{}'),
               coalesce(nullif(r.result -> 'nodes_executed', 'null'), '[]'), r.ended_at,
               CASE WHEN r.ended_at IS NOT NULL THEN automations.milliseconds_since(r.occurred_at) END,
               -- where it ends without them, what it was about to do is still said
               CASE WHEN r.ended_at IS NOT NULL
                    THEN coalesce(nullif(nullif(r.result -> 'steps', 'null'), '[]'), r.steps) END
        FROM ready r
    )
    -- not what was created: where a trigger of the application has left out the row, the execution has ended all the same
    SELECT array_agg(r.automation_id), array_agg(r.status), array_agg(r.result ->> 'error_code'), array_agg(r.ended_at)
    INTO ended_automations, ended_statuses, ended_codes, ended_at
    FROM ready r WHERE r.status IN ('completed', 'failed') AND NOT r.test_mode;
    IF EXISTS (SELECT FROM automations.listeners l WHERE l.keep) THEN
        PERFORM automations.keep_changes(free_accounts, free);
    END IF;
    IF ended_automations IS NOT NULL THEN
        PERFORM automations.count_executions(ended_automations, ended_statuses, ended_codes, ended_at);
    END IF;
    RETURN free;
END
$$;
