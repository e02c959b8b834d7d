-- Changes the notes of one lead of numbered_leads.sql, for pgbench.
\set n random(1, 10000)
UPDATE bench.bare SET notes = 'called at ' || clock_timestamp() WHERE id = lpad((:n)::text, 32, '0')::uuid;
