-- Whether a wait with this `match`, its templates rendered, takes this event (event_data). What cannot be read does not.
CREATE FUNCTION automations.event_matches(match jsonb, event jsonb) RETURNS boolean
IMMUTABLE LANGUAGE c AS 'MODULE_PATHNAME', 'event_matches_wrapper';
