-- An execution that somebody deletes before it has ended: nothing of it runs or waits any more, executions that it
-- waited for are cancelled, and one that waits for it is told. Without waiting for anybody: the row of the queue comes
-- before the execution's everywhere else, so one that is locked is left to claim(), which drops what has no execution.
CREATE OR REPLACE FUNCTION automations.forget_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM automations.queue q USING (
        SELECT x.account_id, x.id FROM automations.queue x WHERE x.account_id = OLD.account_id AND x.id = OLD.id
        FOR UPDATE SKIP LOCKED) free
     WHERE q.account_id = free.account_id AND q.id = free.id;
    DELETE FROM automations.parked p USING (
        SELECT x.execution_id FROM automations.parked x WHERE x.execution_id = OLD.id FOR UPDATE SKIP LOCKED) free
     WHERE p.execution_id = free.execution_id;
    PERFORM automations.end_waits(ARRAY[OLD.id], false);
    PERFORM automations.hand_to_parents(ARRAY[OLD.id]);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION automations.forget_deleted() FROM PUBLIC;
CREATE OR REPLACE TRIGGER forget_deleted AFTER DELETE ON public.automation_executions
    FOR EACH ROW WHEN (OLD.status IN ('pending', 'running', 'waiting')) EXECUTE FUNCTION automations.forget_deleted();
