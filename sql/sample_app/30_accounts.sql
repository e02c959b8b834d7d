-- Two accounts to try things with: Ada sells bicycles (user a0...00a1), with Cleo (c0...00c1) as a member of her team; Bob
-- sells boats (b0...00b1). Neither may ever see the other's rows.
INSERT INTO public.agents (id, user_id, name, description) VALUES
    ('a0000000-0000-4000-8000-000000000010', 'a0000000-0000-4000-8000-0000000000a1', 'Velo',
     'Answers visitors of the bicycle shop'),
    ('b0000000-0000-4000-8000-000000000010', 'b0000000-0000-4000-8000-0000000000b1', 'Skipper',
     'Answers visitors of the boat yard')
ON CONFLICT (id) DO NOTHING;
INSERT INTO public.account_members (account_id, member_id, role) VALUES
    ('a0000000-0000-4000-8000-0000000000a1', 'c0000000-0000-4000-8000-0000000000c1', 'member')
ON CONFLICT DO NOTHING;
INSERT INTO public.leads (id, user_id, name, email, phone, company, status, score, source) VALUES
    ('a0000000-0000-4000-8000-000000000021', 'a0000000-0000-4000-8000-0000000000a1', 'Grace Hopper',
     'grace@example.com', '+1 555 0101', 'Navy Couriers', 'contacted', 40, 'fair'),
    ('a0000000-0000-4000-8000-000000000022', 'a0000000-0000-4000-8000-0000000000a1', 'Alan Turing',
     'alan@example.com', NULL, NULL, 'new', 10, 'web'),
    ('b0000000-0000-4000-8000-000000000021', 'b0000000-0000-4000-8000-0000000000b1', 'Francis Beaufort',
     'francis@example.com', '+44 20 5550 0102', 'Admiralty', 'new', 0, 'web')
ON CONFLICT (id) DO NOTHING;
INSERT INTO public.conversations (id, agent_id, lead_id, channel) VALUES
    ('a0000000-0000-4000-8000-000000000031', 'a0000000-0000-4000-8000-000000000010',
     'a0000000-0000-4000-8000-000000000021', 'web'),
    ('b0000000-0000-4000-8000-000000000031', 'b0000000-0000-4000-8000-000000000010',
     'b0000000-0000-4000-8000-000000000021', 'web')
ON CONFLICT (id) DO NOTHING;
