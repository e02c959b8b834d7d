-- A list of JSON in UTF-8 as jsonb: what jsonb_in makes of it in half the time, because to read JSON is much of what an end costs.
-- And a daemon sends once what is shown several times: where an element has nodes_executed, a line of it may name a line (from
-- 0, itself or one before it) whose input or output it shows as well, as {"output_of": [0, "input"]}.
CREATE FUNCTION automations.from_json(json bytea) RETURNS jsonb
IMMUTABLE STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'from_json_wrapper';
