-- The automations that agents may call as tools: one row for each that is enabled, active and of that trigger type, as
-- its newest version says. Kept by save_version(); read by tools(), call_tool() and the daemon.
CREATE TABLE IF NOT EXISTS automations.tools (
    account_id    uuid NOT NULL,
    automation_id uuid PRIMARY KEY,
    agent_id      uuid NOT NULL,
    version       integer NOT NULL,
    tool_name     text NOT NULL,
    description   text,
    schema        jsonb NOT NULL,
    acts          boolean NOT NULL,
    CONSTRAINT a_tool_name_is_unique_for_its_agent UNIQUE (agent_id, tool_name),
    CONSTRAINT tools_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
COMMENT ON COLUMN automations.tools.schema IS 'JSON Schema of the arguments';
COMMENT ON COLUMN automations.tools.acts IS 'a node of it may change something: not read-only';
CREATE INDEX IF NOT EXISTS tools_account ON automations.tools (account_id, tool_name);
ALTER TABLE automations.tools ENABLE ROW LEVEL SECURITY;
