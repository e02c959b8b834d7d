-- Keeps rows of `tab` (primary key `id`) from being deleted, or with `exclusively` from being changed, until this
-- transaction ends, without ever waiting: `held` is false for a row that somebody else has locked. A row that is
-- not there any more is not returned.
CREATE FUNCTION automations.hold(tab regclass, wanted uuid[], exclusively boolean DEFAULT false)
RETURNS TABLE (id uuid, held boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    got uuid[];
BEGIN
    IF tab IS NULL OR coalesce(cardinality(wanted), 0) = 0 THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT array_agg(l.id) FROM (SELECT t.id FROM %s t WHERE t.id = ANY ($1) '
                   'ORDER BY t.id FOR %s SKIP LOCKED) l',
                   tab, CASE WHEN exclusively THEN 'NO KEY UPDATE' ELSE 'KEY SHARE' END)
    INTO got USING wanted;
    RETURN QUERY SELECT g, true FROM unnest(got) g;
    -- a second statement, with a snapshot of its own: what was deleted meanwhile is gone, the rest is locked
    IF cardinality(got) IS DISTINCT FROM cardinality(wanted) THEN
        RETURN QUERY EXECUTE format('SELECT t.id, false FROM %s t WHERE t.id = ANY ($1) AND t.id <> ALL ($2)', tab)
            USING wanted, coalesce(got, '{}');
    END IF;
END
$$;
