-- The same history in a table without partitions.
CREATE TABLE bench.plain_history (LIKE public.automation_executions INCLUDING ALL);
INSERT INTO bench.plain_history SELECT * FROM public.automation_executions;
ANALYZE bench.plain_history;
