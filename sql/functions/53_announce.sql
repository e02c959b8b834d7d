-- Tells listeners on `automation_execution` that executions changed their status: one notification for each
-- {"id", "automation_id", "status"}. Called after the change is committed, in a transaction of its own, because a
-- transaction with a notification waits for every other one's commit.
CREATE FUNCTION automations.announce(changes jsonb)
RETURNS void
-- in plpgsql, which keeps the plan: a function in SQL would be planned at each call
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('automation_execution', jsonb_build_object(
        'id', c.change -> 'id', 'automation_id', c.change -> 'automation_id', 'status', c.change -> 'status')::text)
    FROM jsonb_array_elements(changes) AS c (change);
END
$$;
