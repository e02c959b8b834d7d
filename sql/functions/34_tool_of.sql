-- The tool that a resolved trigger configuration describes: {"name", "description", "schema"}, the schema an object's.
CREATE FUNCTION automations.tool_of(trigger_config jsonb) RETURNS jsonb
IMMUTABLE LANGUAGE c AS 'MODULE_PATHNAME', 'tool_of_wrapper';
