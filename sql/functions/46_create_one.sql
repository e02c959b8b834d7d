-- Makes the row of one execution that was a captured change until now, as create_executions() does for many: as running, or,
-- with a result and under its lease, as it ended, and then it leaves the queue. False: nothing was done, and whoever does it
-- for many has more to decide: the lease is lost, somebody has locked it, something that it refers to is gone, changed hands
-- or is locked, or its changes are kept. Without a result it is called with the queue row locked. It is one statement, because
-- to set one up takes longer than to run it.
CREATE FUNCTION automations.create_one(
    account_id uuid, execution_id uuid, token uuid DEFAULT NULL, result jsonb DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    made record;
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT q.*, CASE WHEN result IS NOT NULL THEN greatest(clock_timestamp(), q.occurred_at) END AS ended_at
        FROM automations.queue q
        WHERE q.account_id = create_one.account_id AND q.id = create_one.execution_id AND NOT q.has_execution
          AND (result IS NULL OR q.lease_token = create_one.token AND q.lease_until > clock_timestamp())
        FOR UPDATE SKIP LOCKED
    ), automation AS MATERIALIZED (
        SELECT a.id, a.version FROM public.automations a
        WHERE a.id = (SELECT m.automation_id FROM mine m) FOR KEY SHARE SKIP LOCKED
    ), ready AS MATERIALIZED (
        SELECT m.*, a.version AS newest FROM mine m CROSS JOIN automation a
        WHERE NOT EXISTS (SELECT FROM automations.listeners l WHERE l.keep AND l.automation_id = m.automation_id)
          AND (m.lead_id IS NULL AND m.conversation_id IS NULL
               OR automations.is_held(m.account_id, m.lead_id, m.conversation_id))
    ), made AS (
        INSERT INTO public.automation_executions (
            id, automation_id, account_id, version, trigger_type, trigger_data, status, started_at, test_mode, lead_id,
            conversation_id, caused_by, depth, error, error_code, error_node_id, output, variables, nodes_executed,
            completed_at, duration_ms, steps)
        SELECT r.id, r.automation_id, r.account_id, coalesce(r.version, r.newest), r.trigger_type, r.trigger_data,
               coalesce(result ->> 'status', 'running'), r.occurred_at, r.test_mode, r.lead_id, r.conversation_id,
               r.caused_by, r.depth, result ->> 'error', result ->> 'error_code', result ->> 'error_node_id',
               automations.output_of(result), coalesce(nullif(result -> 'variables', 'null'), '{}'),
               coalesce(nullif(result -> 'nodes_executed', 'null'), '[]'), r.ended_at,
               CASE WHEN result IS NOT NULL THEN automations.milliseconds_since(r.occurred_at) END,
               -- where it ends without them, what it was about to do is still said
               CASE WHEN result IS NOT NULL THEN coalesce(nullif(nullif(result -> 'steps', 'null'), '[]'), r.steps) END
        FROM ready r
    ), done AS (
        -- not for what was made: where a trigger of the application has left out the row, the execution has ended all the same
        DELETE FROM automations.queue q
        WHERE result IS NOT NULL AND EXISTS (SELECT FROM ready)
          AND q.account_id = create_one.account_id AND q.id = create_one.execution_id
    ), freed AS (
        DELETE FROM automations.in_flight f
        WHERE result IS NOT NULL AND f.execution_id = (SELECT r.id FROM ready r)
        RETURNING automations.wake()
    )
    SELECT r.automation_id, r.ended_at, result ->> 'status' IN ('completed', 'failed') AND NOT r.test_mode AS counts
    INTO made FROM ready r;
    IF made.counts THEN
        PERFORM automations.count_executions(
            ARRAY[made.automation_id], ARRAY[result ->> 'status'], ARRAY[result ->> 'error_code'], ARRAY[made.ended_at]);
    END IF;
    RETURN made.automation_id IS NOT NULL;
END
$$;
