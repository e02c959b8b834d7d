-- People who may buy something.
CREATE TABLE IF NOT EXISTS public.leads (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid NOT NULL,
    name       text,
    email      text,
    phone      text,
    company    text,
    status     text NOT NULL DEFAULT 'new'
        CHECK (status IN ('new', 'contacted', 'hot', 'qualified', 'won', 'lost')),
    score      integer NOT NULL DEFAULT 0,
    source     text,
    notes      text,
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS leads_user ON public.leads (user_id, created_at);
CREATE OR REPLACE TRIGGER update_leads_updated_at BEFORE UPDATE ON public.leads
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
ALTER TABLE public.leads ENABLE ROW LEVEL SECURITY;
