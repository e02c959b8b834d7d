-- Locks executions that are about to be changed until this transaction ends, without ever waiting: `held` is false
-- for one that somebody else has locked, one that is not there is not returned, and `final` says that one has ended.
CREATE FUNCTION automations.hold_executions(wanted uuid[])
RETURNS TABLE (id uuid, held boolean, final boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    got uuid[];
BEGIN
    IF coalesce(cardinality(wanted), 0) = 0 THEN
        RETURN;
    END IF;
    got := ARRAY(
        SELECT e.id FROM public.automation_executions e WHERE e.id = ANY (wanted)
        ORDER BY e.id FOR NO KEY UPDATE OF e SKIP LOCKED);
    RETURN QUERY
    SELECT e.id, e.id = ANY (got), e.status IN ('completed', 'failed', 'cancelled')
    FROM public.automation_executions e WHERE e.id = ANY (wanted);
END
$$;
