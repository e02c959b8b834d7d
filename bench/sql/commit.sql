-- The smallest transaction that has to be durable, for pgbench.
SELECT pg_logical_emit_message(true, 'bench', '');
