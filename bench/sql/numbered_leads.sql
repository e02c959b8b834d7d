-- 10,000 leads of the account $1 whose ids can be computed from a number.
INSERT INTO public.leads (id, user_id, name, email, phone, source)
SELECT lpad(n::text, 32, '0')::uuid, $1, 'Lead ' || n, 'lead' || n || '@example.com', '+1 555 0100', 'web'
FROM generate_series(1, 10000) AS n
