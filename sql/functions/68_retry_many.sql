-- Retries the executions that a filter means (matching_executions), each as retry() does: the failed ones where it names
-- no status, and none that has been retried before, so that calling it again goes on with the next. From the start, from
-- a node, or each from the node that failed. One row for each; what is refused keeps no other from being retried.
CREATE FUNCTION automations.retry_many(automation_id uuid, filter jsonb DEFAULT '{}', from_node text DEFAULT NULL,
    latest boolean DEFAULT false, most integer DEFAULT 1000, from_failed boolean DEFAULT false)
RETURNS TABLE (execution_id uuid, done boolean, message text, retry_id uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    asked record;
BEGIN
    IF from_failed AND from_node IS NOT NULL THEN
        RAISE EXCEPTION 'either from_node or from_failed' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR asked IN
        SELECT m.id, CASE WHEN from_failed THEN m.error_node_id ELSE from_node END AS node
        FROM automations.matching_executions(
            automation_id, filter, most, ARRAY['failed'], ARRAY['completed', 'failed', 'cancelled']) m
    LOOP
        execution_id := asked.id;
        retry_id := NULL;
        message := NULL;
        BEGIN
            retry_id := automations.retry(asked.id, asked.node, latest);
        EXCEPTION WHEN OTHERS THEN
            message := SQLERRM;
        END;
        done := retry_id IS NOT NULL;
        RETURN NEXT;
    END LOOP;
END
$$;
