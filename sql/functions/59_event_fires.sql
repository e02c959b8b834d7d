-- Whether the conditions of an automation that listens to emitted events hold for this one (event_data). None always
-- hold; what cannot be evaluated does not.
CREATE FUNCTION automations.event_fires(conditions jsonb, event jsonb) RETURNS boolean
IMMUTABLE LANGUAGE c AS 'MODULE_PATHNAME', 'event_fires_wrapper';
