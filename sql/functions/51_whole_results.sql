-- Results as finish() takes them, of JSON in UTF-8: jsonb as jsonb_in makes it, where a line of nodes_executed may name a line
-- from 0 on, itself or one before it, whose input or output it shows as well: {"output_of": [0, "input"]}.
-- A daemon sends once what is shown several times, because to read JSON is much of what an end costs.
CREATE FUNCTION automations.whole_results(results bytea) RETURNS jsonb
IMMUTABLE STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'whole_results_wrapper';
