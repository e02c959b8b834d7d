-- Who listens is remembered by every session that writes to a watched table: each change of it is announced, also one
-- that replication or a restore makes (ENABLE ALWAYS).
CREATE OR REPLACE TRIGGER announce_rows
    AFTER INSERT OR UPDATE OR DELETE ON automations.sources
    FOR EACH ROW EXECUTE FUNCTION automations.announce_listeners();
CREATE OR REPLACE TRIGGER announce_truncate
    AFTER TRUNCATE ON automations.sources
    FOR EACH STATEMENT EXECUTE FUNCTION automations.announce_listeners();
CREATE OR REPLACE TRIGGER announce_rows
    AFTER INSERT OR UPDATE OR DELETE ON automations.listeners
    FOR EACH ROW EXECUTE FUNCTION automations.announce_listeners();
CREATE OR REPLACE TRIGGER announce_truncate
    AFTER TRUNCATE ON automations.listeners
    FOR EACH STATEMENT EXECUTE FUNCTION automations.announce_listeners();
ALTER TABLE automations.sources
    ENABLE ALWAYS TRIGGER announce_rows, ENABLE ALWAYS TRIGGER announce_truncate;
ALTER TABLE automations.listeners
    ENABLE ALWAYS TRIGGER announce_rows, ENABLE ALWAYS TRIGGER announce_truncate;
