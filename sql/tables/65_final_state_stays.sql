-- A final state never changes: status, result and times (D7). lead_id and conversation_id may become null, else
-- nobody could delete a lead that ever ran.
CREATE OR REPLACE FUNCTION automations.keep_final_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'execution % is % and stays so', OLD.id, OLD.status
        USING ERRCODE = 'restrict_violation', HINT = 'automations.retry() starts a new execution.';
END
$$;
REVOKE ALL ON FUNCTION automations.keep_final_state() FROM PUBLIC;
CREATE OR REPLACE TRIGGER final_state_stays BEFORE UPDATE ON public.automation_executions
    FOR EACH ROW WHEN (OLD.status IN ('completed', 'failed', 'cancelled') AND
        (NEW.status, NEW.nodes_executed, NEW.variables, NEW.error, NEW.error_node_id, NEW.error_code, NEW.output,
         NEW.started_at, NEW.completed_at, NEW.duration_ms, NEW.steps)
        IS DISTINCT FROM
        (OLD.status, OLD.nodes_executed, OLD.variables, OLD.error, OLD.error_node_id, OLD.error_code, OLD.output,
         OLD.started_at, OLD.completed_at, OLD.duration_ms, OLD.steps))
    EXECUTE FUNCTION automations.keep_final_state();
