-- Starts executions for calls of webhooks, as many as came at once, in one transaction. Each call is
-- {"automation_id", "version", "key", "input", "keep"}: the version is that of the webhook by which the call was
-- allowed, and one that was changed, paused or deleted meanwhile starts nothing (null). The same key for the same
-- automation gives the same execution. Nothing here waits for long: a call of an automation that somebody has locked
-- starts nothing and says so, because the calls of other accounts are in the same group.
CREATE FUNCTION automations.start_webhooks(calls jsonb)
RETURNS TABLE (call integer, execution_id uuid, is_locked boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held uuid[] := ARRAY(
        SELECT h.id FROM automations.hold_automations(ARRAY(
            SELECT DISTINCT (i.call ->> 'automation_id')::uuid FROM jsonb_array_elements(calls) AS i (call))) h
         WHERE h.held);
    c record;
BEGIN
    -- in one order, or two daemons that have the same keys would wait for each other
    FOR c IN
        SELECT i.number::integer AS number, i.call -> 'input' AS input, i.call ->> 'key' AS key,
               (i.call ->> 'keep')::boolean AS keep, (i.call ->> 'automation_id')::uuid AS automation_id,
               w.account_id, w.path
          FROM jsonb_array_elements(calls) WITH ORDINALITY AS i (call, number)
          LEFT JOIN automations.webhooks w ON w.automation_id = (i.call ->> 'automation_id')::uuid
                                          AND w.version = (i.call ->> 'version')::integer
         ORDER BY i.call ->> 'automation_id', i.call ->> 'key', i.number
    LOOP
        call := c.number;
        execution_id := NULL;
        is_locked := c.account_id IS NOT NULL AND c.automation_id <> ALL (held);
        IF c.account_id IS NOT NULL AND NOT is_locked THEN
            execution_id := automations.start_execution(c.automation_id, c.input, false, NULL, NULL, c.key, 'webhook');
            IF c.keep THEN
                PERFORM automations.keep_occurrence(c.account_id, execution_id, 'webhook', c.path, c.input);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
