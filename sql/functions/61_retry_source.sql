-- What retry() has to know of the execution that is to run again: the version that it is to run and its graph, and the
-- graph that it ran, null where that version is gone. Refuses what cannot be retried. Called with the rights of the
-- tables' owner by a caller to whom the execution was visible; it stays until his transaction ends.
CREATE FUNCTION automations.retry_source(execution_id uuid, latest boolean)
RETURNS TABLE (
    version integer, trigger_type text, own text, nodes text, edges text, ran integer, ran_own text, ran_nodes text,
    ran_edges text
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
    a record;
    used integer;
BEGIN
    SELECT x.automation_id, x.status, x.version, x.trigger_type, x.test_mode, x.trigger_data ? 'too_large' AS cut INTO e
    FROM public.automation_executions x WHERE x.id = retry_source.execution_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % does not exist', execution_id USING ERRCODE = 'no_data_found';
    END IF;
    IF e.status NOT IN ('completed', 'failed', 'cancelled') THEN
        RAISE EXCEPTION 'execution % is %: only what has ended can be retried', execution_id, e.status
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Wait for its end, or cancel it first.';
    END IF;
    SELECT t.version, t.status, t.enabled INTO a FROM public.automations t WHERE t.id = e.automation_id;
    IF NOT e.test_mode AND NOT (a.status = 'active' AND a.enabled) THEN
        RAISE EXCEPTION 'automation % is not active', e.automation_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Publish it first.';
    END IF;
    -- capture keeps of a row that is larger than it may be only how large it was (capture/event.rs)
    IF e.cut AND e.trigger_type = 'event' THEN
        RAISE EXCEPTION 'the row that started execution % was too large and was not kept', execution_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Change the row again, smaller.';
    END IF;
    used := CASE WHEN NOT latest THEN e.version
                 WHEN e.test_mode THEN automations.snapshot(e.automation_id)
                 ELSE a.version END;
    RETURN QUERY
    SELECT used, e.trigger_type, v.trigger_type, v.nodes::text, v.edges::text, e.version, o.trigger_type,
           o.nodes::text, o.edges::text
    FROM public.automation_versions v
    LEFT JOIN public.automation_versions o ON o.automation_id = v.automation_id AND o.version = e.version
    WHERE v.automation_id = e.automation_id AND v.version = used;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'version % of automation %, which execution % ran, is not there any more',
            coalesce(used::text, '(none)'), e.automation_id, execution_id
            USING ERRCODE = 'no_data_found', HINT = 'With latest => true the newest version runs.';
    END IF;
END
$$;
