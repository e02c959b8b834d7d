-- A time-ordered UUID, ascending within a session. For everybody: column defaults call it.
CREATE FUNCTION automations.uuid_v7() RETURNS uuid
VOLATILE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'uuid_v7_wrapper';
