-- Takes a batch away, past what others have locked. The CTE is a fence: without it more than the limit may go.
WITH batch AS MATERIALIZED (
    SELECT j.id FROM bench.jobs j ORDER BY j.id LIMIT 1000 FOR UPDATE SKIP LOCKED
)
DELETE FROM bench.jobs j USING batch b WHERE j.id = b.id
