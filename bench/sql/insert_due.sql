-- $1: the account, $2: how many, $3: seconds since 1970 at which all of them are due (flow::waits).
INSERT INTO public.leads (user_id, name, notes)
SELECT $1, 'Lead ' || n, to_char(to_timestamp($3) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
FROM generate_series(1, $2::integer) AS n
