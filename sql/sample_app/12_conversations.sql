-- What an agent and a visitor said to each other; who spoke last and when is kept here by the messages' trigger.
CREATE TABLE IF NOT EXISTS public.conversations (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id          uuid NOT NULL REFERENCES public.agents (id) ON DELETE CASCADE,
    lead_id           uuid REFERENCES public.leads (id) ON DELETE SET NULL,
    channel           text NOT NULL DEFAULT 'web',
    status            text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'followed_up', 'closed')),
    last_message_at   timestamptz,
    last_message_role text,
    metadata          jsonb NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS conversations_agent ON public.conversations (agent_id);
CREATE INDEX IF NOT EXISTS conversations_lead ON public.conversations (lead_id);
CREATE OR REPLACE TRIGGER update_conversations_updated_at BEFORE UPDATE ON public.conversations
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;
