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
    -- what it returns cannot be replaced
    DROP FUNCTION IF EXISTS automations.hold(uuid[], uuid[]);
    -- in plpgsql, which keeps the plans: a function in SQL would be planned at each call
    EXECUTE format($sql$
        CREATE FUNCTION automations.hold(lead_ids uuid[], conversation_ids uuid[])
        RETURNS TABLE (kind text, id uuid, held boolean, account_id uuid)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS
        'BEGIN
            IF lead_ids <> ''{}'' THEN
                RETURN QUERY
                WITH l AS MATERIALIZED (
                    SELECT l.id FROM %1$s l WHERE l.id = ANY (lead_ids) FOR KEY SHARE SKIP LOCKED)
                SELECT ''lead'', x.id, x.id IN (SELECT l.id FROM l), x.user_id FROM %1$s x
                 WHERE x.id = ANY (lead_ids);
            END IF;
            IF conversation_ids <> ''{}'' THEN
                RETURN QUERY
                WITH c AS MATERIALIZED (
                    SELECT c.id FROM %2$s c WHERE c.id = ANY (conversation_ids) FOR KEY SHARE SKIP LOCKED)
                SELECT ''conversation'', x.id, x.id IN (SELECT c.id FROM c), g.user_id
                  FROM %2$s x LEFT JOIN %3$s g ON g.id = x.agent_id WHERE x.id = ANY (conversation_ids);
            END IF;
        END' $sql$, leads, conversations, agents);
END
$do$;
COMMENT ON FUNCTION automations.hold(uuid[], uuid[]) IS
    'takes the rows FOR KEY SHARE SKIP LOCKED; held = false: locked by somebody; no row: it is gone';
REVOKE ALL ON FUNCTION automations.account_of_lead(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.account_of_agent(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.has_agent_access(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.account_of_conversation(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION automations.hold(uuid[], uuid[]) FROM PUBLIC;
