-- Adds ended executions to the automations that they belong to, whose rows the caller has locked, and stops those that
-- have reached their error limit. `ended` holds, in any order, executions of one status that ended in a row: {"a":
-- automation, "n": how many, "f": how many of them count as failures in a row, "at": when the last one ended, "s":
-- status}. Counters stop at what an integer holds: whoever may edit an automation may write them, and an execution that
-- cannot be counted could never end (seen). One that completed ends the row of failures; one that was interrupted
-- neither ends nor lengthens it.
CREATE OR REPLACE FUNCTION automations.count_ended(ended jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted integer;
    too_many uuid[];
BEGIN
    WITH given AS (
        SELECT g.a AS automation_id, g.n, g.f, g.at, g.s,
               -- how often one had completed up to here: failures between two of them are in a row
               count(*) FILTER (WHERE g.s = 'completed') OVER (
                   PARTITION BY g.a ORDER BY g.at, g.s ROWS UNBOUNDED PRECEDING) AS completed
          FROM jsonb_to_recordset(ended) AS g (a uuid, n integer, f integer, at timestamptz, s text)
    ), rows_of_failures AS (
        SELECT g.automation_id, g.completed, sum(g.f)::integer AS failures FROM given g
         GROUP BY g.automation_id, g.completed
    ), sums AS (
        SELECT g.automation_id, sum(g.n)::integer AS executions, max(g.at) AS at,
               (array_agg(g.s ORDER BY g.at DESC NULLS LAST))[1] AS status, max(g.completed) AS completed
          FROM given g GROUP BY g.automation_id
    ), counts AS (
        UPDATE public.automations a
           SET execution_count = least(a.execution_count::bigint + s.executions, 2147483647)::integer,
               last_executed_at = greatest(a.last_executed_at, s.at),
               last_execution_status = CASE WHEN a.last_executed_at > s.at THEN a.last_execution_status
                                            ELSE s.status END,
               failures_in_a_row = least(
                   l.failures + CASE WHEN s.completed = 0 THEN a.failures_in_a_row ELSE 0 END::bigint, 2147483647)::integer
          FROM sums s
          JOIN rows_of_failures l ON l.automation_id = s.automation_id AND l.completed = s.completed
         WHERE a.id = s.automation_id
        RETURNING a.id, a.status, a.failures_in_a_row, automations.error_limit(a.options) AS most
    ), longest AS (
        -- the first one goes on from what was counted before, which an UPDATE does not return: it is looked up
        SELECT r.automation_id, max(r.failures + CASE WHEN r.completed = 0 THEN b.failures_in_a_row ELSE 0 END::bigint) AS n
          FROM rows_of_failures r JOIN public.automations b ON b.id = r.automation_id
         GROUP BY r.automation_id
    )
    SELECT count(*), array_agg(c.id) FILTER (WHERE c.status = 'active' AND c.most > 0 AND l.n >= c.most)
      INTO counted, too_many
      FROM counts c JOIN longest l ON l.automation_id = c.id;
    IF too_many IS NOT NULL THEN
        PERFORM automations.stop_failing(too_many);
    END IF;
    RETURN counted;
END
$$;
REVOKE ALL ON FUNCTION automations.count_ended(jsonb) FROM PUBLIC;
