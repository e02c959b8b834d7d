-- The trigger configuration that counts: the trigger node's own with the row's over it, key by key, in snake_case.
CREATE FUNCTION automations.resolve_trigger(trigger_type text, trigger_config jsonb, nodes jsonb) RETURNS jsonb
IMMUTABLE LANGUAGE c AS 'MODULE_PATHNAME', 'resolve_trigger_wrapper';
