-- $1: the account, $2: how many.
INSERT INTO public.leads (user_id, name, email, phone, source)
SELECT $1, 'Lead ' || n, 'lead' || n || '@example.com', '+1 555 0100', 'web' FROM generate_series(1, $2) AS n
