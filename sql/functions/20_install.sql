-- Creates or migrates the tables: in public for applications, in schema automations for the machinery. They belong
-- to the owner of leads. Arguments that are left out are the ones of the last call, else public.agents, .leads and
-- .conversations. sample_app also makes those, for a first try. Returns the schema version; idempotent.
CREATE FUNCTION automations.install(agents regclass DEFAULT NULL, leads regclass DEFAULT NULL,
    conversations regclass DEFAULT NULL, sample_app boolean DEFAULT false) RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'install_wrapper';
