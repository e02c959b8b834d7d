-- Whose a lead and a conversation are. Written with the names of the host's tables; SECURITY DEFINER, because the
-- triggers that ask act for roles which the host's row level security shows nothing.
DO $do$
DECLARE
    agents text := (SELECT (value #>> '{}')::regclass::text FROM automations.settings WHERE name = 'agents');
    leads text := (SELECT (value #>> '{}')::regclass::text FROM automations.settings WHERE name = 'leads');
    conversations text := (SELECT (value #>> '{}')::regclass::text FROM automations.settings
                            WHERE name = 'conversations');
BEGIN
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION automations.account_of_lead(lead_id uuid) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
        'SELECT l.user_id FROM %s l WHERE l.id = lead_id' $sql$, leads);
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION automations.account_of_agent(agent_id uuid) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
        'SELECT g.user_id FROM %s g WHERE g.id = agent_id' $sql$, agents);
    -- For the policies: answers yes or no about the caller's own access, and nobody learns whose an agent is.
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION automations.has_agent_access(agent_id uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
        'SELECT coalesce((SELECT public.has_account_access(g.user_id) FROM %s g WHERE g.id = agent_id), false)'
        $sql$, agents);
    EXECUTE format($sql$
        CREATE OR REPLACE FUNCTION automations.account_of_conversation(conversation_id uuid) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
        'SELECT g.user_id FROM %s c JOIN %s g ON g.id = c.agent_id WHERE c.id = conversation_id' $sql$,
        conversations, agents);
END
$do$;
-- rows are held by hold_host() itself
DROP FUNCTION IF EXISTS automations.hold(uuid[], uuid[]);
REVOKE ALL ON FUNCTION automations.account_of_lead(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.account_of_agent(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.has_agent_access(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.account_of_conversation(uuid) FROM PUBLIC;
