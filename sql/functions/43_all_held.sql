-- Whether all of these automations, leads and conversations are there and nobody else has them locked: the quick question
-- of a claim about what it is going to start. It keeps them from being deleted until this transaction ends, and never
-- waits. Each is named once. Which of them it is that is not, inspect() finds out.
CREATE FUNCTION automations.all_held(automation_ids uuid[], lead_ids uuid[], conversation_ids uuid[])
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cardinality(automation_ids) > cardinality(ARRAY(
        SELECT a.id FROM public.automations a WHERE a.id = ANY (automation_ids) ORDER BY a.id
        FOR KEY SHARE SKIP LOCKED)) THEN
        RETURN false;
    END IF;
    RETURN cardinality(lead_ids) + cardinality(conversation_ids) = 0 OR cardinality(lead_ids) + cardinality(conversation_ids)
        = (SELECT count(*) FROM automations.hold_host(lead_ids, conversation_ids) h WHERE h.held);
END
$$;
