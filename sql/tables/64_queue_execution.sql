-- An execution that is inserted as pending is queued; one in another status belongs to whoever wrote it (D1).
-- Our own functions write the queue row themselves: the primary key keeps it from being there twice.
CREATE OR REPLACE FUNCTION automations.queue_execution() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO automations.queue (account_id, id, automation_id, version, trigger_type, lead_id,
        conversation_id, caused_by, depth, test_mode, occurred_at, has_execution)
    VALUES (NEW.account_id, NEW.id, NEW.automation_id, NEW.version, NEW.trigger_type, NEW.lead_id,
        NEW.conversation_id, NEW.caused_by, NEW.depth, NEW.test_mode, NEW.started_at, true)
    ON CONFLICT (account_id, id) DO NOTHING;
    PERFORM automations.wake();
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION automations.queue_execution() FROM PUBLIC;
CREATE OR REPLACE TRIGGER queue_execution AFTER INSERT ON public.automation_executions
    FOR EACH ROW WHEN (NEW.status = 'pending') EXECUTE FUNCTION automations.queue_execution();
