-- What ran and how it ended. Partitioned by week of the id (a UUIDv7), so the primary key stays (id) and old
-- weeks are dropped, not deleted (D11). The partitions live in schema automations, out of anybody's reach.
CREATE TABLE IF NOT EXISTS public.automation_executions (
    id              uuid PRIMARY KEY,
    automation_id   uuid NOT NULL,
    trigger_type    text NOT NULL,
    trigger_data    jsonb,
    status          text NOT NULL DEFAULT 'pending',
    nodes_executed  jsonb DEFAULT '[]',
    variables       jsonb DEFAULT '{}',
    error           text,
    error_node_id   text,
    started_at      timestamptz NOT NULL DEFAULT now(),
    completed_at    timestamptz,
    duration_ms     integer,
    test_mode       boolean NOT NULL DEFAULT false,
    triggered_by    uuid,
    lead_id         uuid,
    conversation_id uuid,
    account_id      uuid NOT NULL,
    version         integer,
    error_code      text,
    output          jsonb,
    depth           smallint NOT NULL DEFAULT 0,
    caused_by       uuid,
    retry_of        uuid,
    steps           jsonb
) PARTITION BY RANGE (id);
ALTER TABLE public.automation_executions ADD COLUMN IF NOT EXISTS steps jsonb;
ALTER TABLE public.automation_executions ALTER COLUMN id SET DEFAULT automations.uuid_v7();
COMMENT ON COLUMN public.automation_executions.account_id IS 'the owner of the automation when it was started';
COMMENT ON COLUMN public.automation_executions.caused_by IS 'the execution whose write caused this one';
COMMENT ON COLUMN public.automation_executions.duration_ms IS 'stops at 2147483647';
COMMENT ON COLUMN public.automation_executions.steps IS
    'the records of its steps, beside nodes_executed, where it ended with its first write; else automations.steps has them';
ALTER TABLE public.automation_executions ENABLE ROW LEVEL SECURITY;

CREATE TABLE IF NOT EXISTS automations.executions_default
    PARTITION OF public.automation_executions DEFAULT;
