-- Saving: automations_check refuses what cannot run and gives the version its number, automations_publish writes
-- the version and the listeners. Both are of the extension, because they use the code that the daemon runs (D5). They name
-- their columns: a statement that only counts executions writes none of these, and to compare two graphs with each other
-- took longer than all the rest of it.
CREATE OR REPLACE TRIGGER automations_check_new
    BEFORE INSERT ON public.automations
    FOR EACH ROW EXECUTE FUNCTION automations.check_automation();
CREATE OR REPLACE TRIGGER automations_check
    BEFORE UPDATE OF nodes, edges, trigger_type, trigger_config, status, enabled, options, agent_id, user_id, version
        ON public.automations
    FOR EACH ROW WHEN (
        (NEW.nodes, NEW.edges, NEW.trigger_type, NEW.trigger_config, NEW.status, NEW.enabled, NEW.options,
         NEW.agent_id, NEW.user_id, NEW.version)
        IS DISTINCT FROM
        (OLD.nodes, OLD.edges, OLD.trigger_type, OLD.trigger_config, OLD.status, OLD.enabled, OLD.options,
         OLD.agent_id, OLD.user_id, OLD.version))
    EXECUTE FUNCTION automations.check_automation();
CREATE OR REPLACE TRIGGER automations_publish_new
    AFTER INSERT ON public.automations
    FOR EACH ROW EXECUTE FUNCTION automations.publish_version();
CREATE OR REPLACE TRIGGER automations_publish
    AFTER UPDATE OF nodes, edges, trigger_type, trigger_config, status, enabled, options, agent_id, user_id, version
        ON public.automations
    FOR EACH ROW WHEN (
        (NEW.nodes, NEW.edges, NEW.trigger_type, NEW.trigger_config, NEW.status, NEW.enabled, NEW.options,
         NEW.agent_id, NEW.user_id, NEW.version)
        IS DISTINCT FROM
        (OLD.nodes, OLD.edges, OLD.trigger_type, OLD.trigger_config, OLD.status, OLD.enabled, OLD.options,
         OLD.agent_id, OLD.user_id, OLD.version))
    EXECUTE FUNCTION automations.publish_version();
