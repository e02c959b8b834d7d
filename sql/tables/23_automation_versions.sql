-- What an automation was when it was saved or published. Rows never change (64_version_is_immutable); an
-- execution names the version that it runs. trigger_config is resolved: the trigger node's own configuration
-- with the row's over it. account_id is the automation's owner and goes along when an automation changes hands.
CREATE TABLE IF NOT EXISTS public.automation_versions (
    automation_id  uuid NOT NULL,
    version        integer NOT NULL,
    account_id     uuid NOT NULL,
    name           text NOT NULL,
    trigger_type   text NOT NULL,
    trigger_config jsonb NOT NULL,
    nodes          jsonb NOT NULL,
    edges          jsonb NOT NULL,
    options        jsonb NOT NULL DEFAULT '{}',
    note           text,
    created_by     uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (automation_id, version),
    CONSTRAINT automation_versions_automation_id_fkey FOREIGN KEY (account_id, automation_id)
        REFERENCES public.automations (user_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT versions_count_from_one CHECK (version > 0)
);
ALTER TABLE public.automation_versions ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "Users can view versions of their automations" ON public.automation_versions;
CREATE POLICY "Users can view versions of their automations" ON public.automation_versions
    FOR SELECT USING (EXISTS (SELECT FROM public.automations a WHERE a.id = automation_id));
