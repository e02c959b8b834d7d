-- Makes the row of one execution that was a captured change until now as running, as create_executions() does for many; called
-- with its queue row locked. False: nothing was done, and whoever does it for many has more to decide: something that it
-- refers to is gone, changed hands or is locked, or its changes are kept. It is one statement, because to set one up takes
-- longer than to run it.
CREATE FUNCTION automations.create_one(account_id uuid, execution_id uuid)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
-- without a usable index a plan costs 1e10 then, and PostgreSQL would compile it
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    is_ready boolean;
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT q.* FROM automations.queue q
        WHERE q.account_id = create_one.account_id AND q.id = create_one.execution_id AND NOT q.has_execution
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
            conversation_id, caused_by, depth)
        SELECT r.id, r.automation_id, r.account_id, coalesce(r.version, r.newest), r.trigger_type, r.trigger_data,
               'running', r.occurred_at, r.test_mode, r.lead_id, r.conversation_id, r.caused_by, r.depth
        FROM ready r
    )
    -- not what was made: where a trigger of the application has left out the row, it is running all the same
    SELECT true INTO is_ready FROM ready;
    RETURN is_ready IS TRUE;
END
$$;
