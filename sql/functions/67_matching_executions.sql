-- The executions that a filter means, of those that the caller sees, the oldest first: {"status": one or a list,
-- "error_code", "error_node_id", "lead_id", "conversation_id", "started_after", "started_before", "test_mode"}. Without
-- a status those of `usual`; only those of `possible` may be asked for. Captured changes without a row are
-- `pending`. automation_id null: all automations. A key that is not known is refused, and so is null: whoever misspells
-- a filter, or fills it from an empty variable, must not mean everything.
CREATE FUNCTION automations.matching_executions(
    automation_id uuid, filter jsonb, most integer, usual text[], possible text[])
RETURNS TABLE (id uuid, error_node_id text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    known constant text[] := ARRAY['status', 'error_code', 'error_node_id', 'lead_id', 'conversation_id',
        'started_after', 'started_before', 'test_mode'];
    wrong text;
    statuses text[] := usual;
    lead uuid;
    conversation uuid;
    after timestamptz;
    before timestamptz;
    test boolean;
BEGIN
    IF jsonb_typeof(coalesce(filter, '{}')) <> 'object' THEN
        RAISE EXCEPTION 'the filter must be an object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (most BETWEEN 1 AND 10000) IS NOT TRUE THEN
        RAISE EXCEPTION 'the limit is from 1 to 10000' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT string_agg(k.key, ', ' ORDER BY k.key) FILTER (WHERE k.key <> ALL (known)) INTO wrong
    FROM jsonb_object_keys(coalesce(filter, '{}')) AS k (key);
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the filter does not know: %', wrong
            USING ERRCODE = 'invalid_parameter_value', HINT = format('It knows: %s.', array_to_string(known, ', '));
    END IF;
    SELECT string_agg(f.key, ', ' ORDER BY f.key) INTO wrong FROM jsonb_each(coalesce(filter, '{}')) AS f (key, value)
    WHERE jsonb_typeof(f.value) <> CASE f.key WHEN 'test_mode' THEN 'boolean' ELSE 'string' END
      AND NOT (f.key = 'status' AND jsonb_typeof(f.value) = 'array');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'this of the filter is no text (or, of test_mode, no boolean): %', wrong
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave out what does not matter.';
    END IF;
    IF filter ? 'status' THEN
        statuses := ARRAY(SELECT s.status FROM jsonb_array_elements_text(
            CASE jsonb_typeof(filter -> 'status') WHEN 'array' THEN filter -> 'status'
                 ELSE jsonb_build_array(filter -> 'status') END) AS s (status));
        IF NOT statuses <@ possible OR statuses = '{}' THEN
            RAISE EXCEPTION 'the status must be one or more of: %', array_to_string(possible, ', ')
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;
    BEGIN
        lead := filter ->> 'lead_id';
        conversation := filter ->> 'conversation_id';
        after := filter ->> 'started_after';
        before := filter ->> 'started_before';
        test := filter ->> 'test_mode';
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION 'the filter cannot be read: %', SQLERRM USING ERRCODE = 'invalid_parameter_value';
    END;
    RETURN QUERY
    SELECT m.id, m.error_node_id
    FROM (
        SELECT e.id, e.error_node_id
        FROM public.automation_executions e
        WHERE (matching_executions.automation_id IS NULL OR e.automation_id = matching_executions.automation_id)
          AND e.status = ANY (statuses)
          AND (filter ->> 'error_code' IS NULL OR e.error_code = filter ->> 'error_code')
          AND (filter ->> 'error_node_id' IS NULL OR e.error_node_id = filter ->> 'error_node_id')
          AND (lead IS NULL OR e.lead_id = lead)
          AND (conversation IS NULL OR e.conversation_id = conversation)
          AND (after IS NULL OR e.started_at >= after) AND (before IS NULL OR e.started_at < before)
          AND (test IS NULL OR e.test_mode = test)
          -- what has been retried is done with: asked again, it gives the next ones
          AND (usual <> ARRAY['failed'] OR NOT EXISTS (
                SELECT FROM public.automation_executions r WHERE r.retry_of = e.id))
        UNION ALL
        SELECT p.id, NULL
        FROM automations.pending p
        WHERE NOT p.has_execution AND 'pending' = ANY (statuses)
          AND NOT coalesce(filter, '{}') ?| ARRAY['error_code', 'error_node_id']
          AND (matching_executions.automation_id IS NULL OR p.automation_id = matching_executions.automation_id)
          AND (lead IS NULL OR p.lead_id = lead)
          AND (conversation IS NULL OR p.conversation_id = conversation)
          AND (after IS NULL OR p.occurred_at >= after) AND (before IS NULL OR p.occurred_at < before)
          AND (test IS NULL OR p.test_mode = test)
    ) m
    ORDER BY m.id
    LIMIT most;
END
$$;
