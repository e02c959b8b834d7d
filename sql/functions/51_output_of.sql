-- The output of a result: its own, or that of a line of its nodes_executed (whole_step says why). Null where it has none.
CREATE FUNCTION automations.output_of(result jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN nullif(coalesce(result -> 'output', result -> 'nodes_executed' -> (result ->> 'output_line')::integer -> 'output'),
              'null');
