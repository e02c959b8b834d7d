-- Executions whose leases were taken back are pending again, and say so. One that somebody has locked is passed over:
-- its status follows when it is claimed.
CREATE FUNCTION automations.set_pending(ids uuid[])
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    WITH free AS MATERIALIZED (
        SELECT h.id FROM automations.hold_executions(ids) h WHERE h.held AND NOT h.final
    ), pending AS (
        UPDATE public.automation_executions e SET status = 'pending'
        FROM free f WHERE e.id = f.id AND e.status <> 'pending'
        RETURNING e.id, e.automation_id
    )
    SELECT automations.announce(jsonb_agg(
        jsonb_build_object('id', p.id, 'automation_id', p.automation_id, 'status', 'pending')))
    FROM pending p
    HAVING count(*) > 0
$$;
