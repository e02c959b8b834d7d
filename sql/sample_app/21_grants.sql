-- Signed-in users and the back end may use the tables, row level security decides which rows; anon may nothing.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['authenticated', 'service_role'] LOOP
        CONTINUE WHEN to_regrole(role) IS NULL;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.agents, public.leads, public.conversations,
            public.messages, public.bookings, public.account_members TO %I', role);
    END LOOP;
END
$$;
