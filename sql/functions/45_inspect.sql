-- What is to be done with queue rows that the caller has locked: 'claim', 'later' (something that it refers to is
-- locked by somebody else: a tenant's lock must not stall the batch) or 'drop' (its automation is gone, or its
-- execution is gone or final). Holds what a row to claim refers to, so that it cannot vanish before the claim
-- commits. `failure` is the result of one that can only fail, else null.
CREATE FUNCTION automations.inspect(accounts uuid[], ids uuid[])
RETURNS TABLE (
    account_id uuid, id uuid, verdict text, lead_gone uuid, conversation_gone uuid, failure jsonb
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    depth_limit integer := coalesce(
        (SELECT (s.value #>> '{}')::integer FROM automations.settings s WHERE s.name = 'depth_limit'), 8);
BEGIN
    RETURN QUERY
    WITH turn AS MATERIALIZED (
        SELECT q.account_id, q.id, q.automation_id, q.lead_id, q.conversation_id, q.caused_by, q.depth,
               q.has_execution,
               CASE WHEN NOT q.has_execution THEN q.trigger_data ? 'too_large'
                    -- measured once: it does not change any more
                    WHEN q.attempt = 0 THEN (SELECT automations.is_too_large(x.trigger_data)
                        FROM public.automation_executions x WHERE x.id = q.id)
               END AS too_large
        FROM unnest(accounts, ids) AS p (account_id, id)
        JOIN automations.queue q ON q.account_id = p.account_id AND q.id = p.id
    ), automation AS MATERIALIZED (
        SELECT h.id, h.held FROM automations.hold_automations(
            ARRAY(SELECT DISTINCT t.automation_id FROM turn t)) h
    ), host AS MATERIALIZED (
        SELECT h.kind, h.id, h.held FROM automations.hold_host(
            ARRAY(SELECT DISTINCT t.lead_id FROM turn t WHERE t.lead_id IS NOT NULL),
            ARRAY(SELECT DISTINCT t.conversation_id FROM turn t WHERE t.conversation_id IS NOT NULL)) h
    ), execution AS MATERIALIZED (
        SELECT h.id, h.held, h.final FROM automations.hold_executions(
            ARRAY(SELECT t.id FROM turn t WHERE t.has_execution)) h
    )
    SELECT t.account_id, t.id,
        CASE
            WHEN a.id IS NULL OR (t.has_execution AND e.id IS NULL) OR e.final THEN 'drop'
            WHEN NOT a.held OR NOT e.held OR NOT l.held OR NOT c.held THEN 'later'
            ELSE 'claim'
        END,
        CASE WHEN l.id IS NULL THEN t.lead_id END,
        CASE WHEN c.id IS NULL THEN t.conversation_id END,
        CASE
            WHEN t.too_large THEN jsonb_build_object('status', 'failed', 'error_code', 'too_large', 'error',
                'The trigger data is larger than it may be (1 MiB, for a row that changed each of old and new).')
            WHEN t.depth > depth_limit THEN jsonb_build_object('status', 'failed', 'error_code', 'loop_depth', 'error',
                format('Automations started each other more than %s times in a row: %s', depth_limit,
                    array_to_string(automations.chain(t.caused_by) || (
                        SELECT n.name FROM public.automations n WHERE n.id = t.automation_id), ' -> ')))
        END
    FROM turn t
    LEFT JOIN automation a ON a.id = t.automation_id
    LEFT JOIN host l ON l.kind = 'lead' AND l.id = t.lead_id
    LEFT JOIN host c ON c.kind = 'conversation' AND c.id = t.conversation_id
    LEFT JOIN execution e ON e.id = t.id
    ORDER BY t.account_id, t.id;
END
$$;
