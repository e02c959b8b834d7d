-- Completes an execution that somebody inserts: account and version from its automation, and no lead or
-- conversation of another account. One that the machinery inserts for a queue row keeps that row's account, and
-- a record that changed hands meanwhile becomes null there instead of failing a whole batch of results. Of the daemon's own
-- inserts all that is looked at once for the whole group, before (create_executions), so that not each row asks again; a
-- superuser is a member of every role, and asked.
CREATE OR REPLACE FUNCTION automations.fill_execution() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid;
    newest integer;
    queued boolean := NEW.account_id IS NOT NULL AND NEW.status <> 'pending' AND EXISTS (
        SELECT FROM automations.queue q WHERE q.account_id = NEW.account_id AND q.id = NEW.id);
BEGIN
    SELECT a.user_id, a.version INTO owner, newest FROM public.automations a WHERE a.id = NEW.automation_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no automation %', NEW.automation_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF NOT queued THEN
        NEW.account_id := owner;
    END IF;
    NEW.version := coalesce(NEW.version, newest);
    IF NEW.lead_id IS NOT NULL
       AND automations.account_of('lead', NEW.lead_id) IS DISTINCT FROM NEW.account_id THEN
        IF NOT queued THEN
            RAISE EXCEPTION 'lead % does not belong to the account of automation %', NEW.lead_id, NEW.automation_id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        NEW.lead_id := NULL;
    END IF;
    IF NEW.conversation_id IS NOT NULL
       AND automations.account_of('conversation', NEW.conversation_id) IS DISTINCT FROM NEW.account_id THEN
        IF NOT queued THEN
            RAISE EXCEPTION 'conversation % does not belong to the account of automation %',
                NEW.conversation_id, NEW.automation_id USING ERRCODE = 'foreign_key_violation';
        END IF;
        NEW.conversation_id := NULL;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION automations.fill_execution() FROM PUBLIC;
CREATE OR REPLACE TRIGGER fill_execution BEFORE INSERT ON public.automation_executions
    FOR EACH ROW WHEN (NEW.status = 'pending' OR NEW.account_id IS NULL OR NEW.version IS NULL
        OR current_setting('is_superuser') <> 'off' OR NOT pg_has_role('automations_daemon', 'MEMBER'))
    EXECUTE FUNCTION automations.fill_execution();
