-- Row level security of the application: everything belongs to an account, and its owner and members may do
-- everything with it. Only the owner decides who is a member.
DO $$
DECLARE
    owned record;
BEGIN
    FOR owned IN SELECT * FROM (VALUES
        ('agents', 'public.has_account_access(user_id)'),
        ('leads', 'public.has_account_access(user_id)'),
        ('messages', 'public.has_account_access(user_id) AND EXISTS (SELECT FROM public.conversations c
            WHERE c.id = conversation_id)'),
        ('bookings', 'public.has_account_access(user_id)'),
        -- agents has its own policy: one that is not seen there does not exist here
        ('conversations', 'EXISTS (SELECT FROM public.agents g WHERE g.id = agent_id)')) AS t (tab, condition)
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS "Members work with their account" ON public.%I', owned.tab);
        EXECUTE format('CREATE POLICY "Members work with their account" ON public.%I USING (%s)',
                       owned.tab, owned.condition);
    END LOOP;
END
$$;
DROP POLICY IF EXISTS "Members see who else is one" ON public.account_members;
CREATE POLICY "Members see who else is one" ON public.account_members
    FOR SELECT USING (public.has_account_access(account_id));
DROP POLICY IF EXISTS "Owners invite and dismiss members" ON public.account_members;
CREATE POLICY "Owners invite and dismiss members" ON public.account_members
    USING (account_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid);
