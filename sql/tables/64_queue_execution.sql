-- An execution that is inserted as pending is queued and announced, whoever inserts it: start_execution() or an
-- application. One in another status belongs to whoever wrote it (D1). Not announced where prepared transactions are
-- in use: PREPARE TRANSACTION fails after a NOTIFY.
CREATE OR REPLACE FUNCTION automations.queue_execution() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO automations.queue (account_id, id, automation_id, version, trigger_type, lead_id,
        conversation_id, caused_by, depth, test_mode, occurred_at, has_execution, priority)
    VALUES (NEW.account_id, NEW.id, NEW.automation_id, NEW.version, NEW.trigger_type, NEW.lead_id,
        NEW.conversation_id, NEW.caused_by, NEW.depth, NEW.test_mode, NEW.started_at, true,
        coalesce((SELECT automations.priority_of(v.options) FROM public.automation_versions v
                   WHERE v.automation_id = NEW.automation_id AND v.version = NEW.version), 0::smallint))
    ON CONFLICT (account_id, id) DO NOTHING;
    PERFORM automations.wake();
    IF current_setting('max_prepared_transactions') = '0' THEN
        PERFORM automations.announce(jsonb_build_array(jsonb_build_object(
            'id', NEW.id, 'automation_id', NEW.automation_id, 'status', NEW.status)));
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION automations.queue_execution() FROM PUBLIC;
CREATE OR REPLACE TRIGGER queue_execution AFTER INSERT ON public.automation_executions
    FOR EACH ROW WHEN (NEW.status = 'pending') EXECUTE FUNCTION automations.queue_execution();
