-- The six policies of the base schema, by name. They are replaced and not only added: permissive policies are
-- joined by OR, so an old hole would stay open beside the fix.
DROP POLICY IF EXISTS "Users can view automations in their account" ON public.automations;
CREATE POLICY "Users can view automations in their account" ON public.automations
    FOR SELECT USING (public.has_account_access(user_id));

DROP POLICY IF EXISTS "Users can delete automations in their account" ON public.automations;
CREATE POLICY "Users can delete automations in their account" ON public.automations
    FOR DELETE USING (public.has_account_access(user_id));

-- An agent is one's own when its owner's account is: asked as the owner, so the host's policies on agents do not
-- decide it twice.
DROP POLICY IF EXISTS "Users can create automations in their account" ON public.automations;
CREATE POLICY "Users can create automations in their account" ON public.automations
    FOR INSERT WITH CHECK (public.has_account_access(user_id)
        AND automations.has_agent_access(agent_id));

DROP POLICY IF EXISTS "Users can update automations in their account" ON public.automations;
CREATE POLICY "Users can update automations in their account" ON public.automations
    FOR UPDATE USING (public.has_account_access(user_id))
    WITH CHECK (public.has_account_access(user_id)
        AND automations.has_agent_access(agent_id));

DROP POLICY IF EXISTS "Users can view executions for their automations" ON public.automation_executions;
CREATE POLICY "Users can view executions for their automations" ON public.automation_executions
    FOR SELECT USING (EXISTS (SELECT FROM public.automations a
                               WHERE a.id = automation_id AND public.has_account_access(a.user_id)));

DROP POLICY IF EXISTS "Users can delete executions for their automations" ON public.automation_executions;
CREATE POLICY "Users can delete executions for their automations" ON public.automation_executions
    FOR DELETE USING (EXISTS (SELECT FROM public.automations a
                               WHERE a.id = automation_id AND public.has_account_access(a.user_id)));
