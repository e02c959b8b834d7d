-- The automations themselves, as the editor saves them: base columns first, ours last. On a database that has
-- the base table already only what is missing is added.
CREATE TABLE IF NOT EXISTS public.automations (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id              uuid NOT NULL,
    user_id               uuid NOT NULL,
    name                  text NOT NULL,
    description           text,
    icon                  text DEFAULT 'Zap',
    color                 text DEFAULT 'blue',
    status                text NOT NULL DEFAULT 'draft',
    enabled               boolean NOT NULL DEFAULT false,
    trigger_type          text NOT NULL,
    trigger_config        jsonb NOT NULL DEFAULT '{}',
    nodes                 jsonb NOT NULL DEFAULT '[]',
    edges                 jsonb NOT NULL DEFAULT '[]',
    viewport              jsonb DEFAULT '{"x":0,"y":0,"zoom":1}',
    execution_count       integer NOT NULL DEFAULT 0,
    last_executed_at      timestamptz,
    last_execution_status text,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE public.automations
    ADD COLUMN IF NOT EXISTS options jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS version integer,
    ADD COLUMN IF NOT EXISTS status_reason text,
    ADD COLUMN IF NOT EXISTS failures_in_a_row integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN public.automations.version IS 'newest immutable version, null while it never had one';
COMMENT ON COLUMN public.automations.status_reason IS 'why the machinery changed the status, e.g. error_limit';
COMMENT ON COLUMN public.automations.failures_in_a_row IS 'since one completed or the automation became active';

CREATE INDEX IF NOT EXISTS idx_automations_agent ON public.automations (agent_id);
CREATE INDEX IF NOT EXISTS idx_automations_user ON public.automations (user_id);
CREATE INDEX IF NOT EXISTS idx_automations_status ON public.automations (status) WHERE enabled;
CREATE INDEX IF NOT EXISTS idx_automations_trigger ON public.automations (trigger_type) WHERE enabled;
-- what a claim passes over in an account: found without reading those that run, which statistics write again and again
CREATE INDEX IF NOT EXISTS idx_automations_standing ON public.automations (user_id)
    WHERE NOT (enabled AND status = 'active');

ALTER TABLE public.automations ENABLE ROW LEVEL SECURITY;
