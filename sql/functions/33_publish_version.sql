-- AFTER trigger of public.automations: writes the version and who listens, with the rights of the tables' owner.
CREATE FUNCTION automations.publish_version() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'publish_version_wrapper';
