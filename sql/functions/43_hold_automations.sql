-- Keeps automations from being deleted until this transaction ends, without ever waiting: `held` is false for one
-- that somebody else has locked, and one that is not there any more is not returned.
CREATE FUNCTION automations.hold_automations(wanted uuid[])
RETURNS TABLE (id uuid, held boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    got uuid[] := ARRAY(
        SELECT a.id FROM public.automations a WHERE a.id = ANY (wanted) ORDER BY a.id FOR KEY SHARE SKIP LOCKED);
BEGIN
    RETURN QUERY SELECT g, true FROM unnest(got) g;
    IF cardinality(got) = cardinality(wanted) THEN
        RETURN;
    END IF;
    -- a statement of its own, with a snapshot of its own: what was deleted meanwhile is gone, the rest is locked
    RETURN QUERY SELECT a.id, false FROM public.automations a WHERE a.id = ANY (wanted) AND a.id <> ALL (got);
END
$$;
