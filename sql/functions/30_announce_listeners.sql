-- Trigger of automations.sources and automations.listeners: tells every session at the commit that who listens has
-- changed, so that what capture remembers of it is asked for again. A capture that finds this trigger missing, or not
-- ENABLE ALWAYS, remembers nothing.
CREATE FUNCTION automations.announce_listeners() RETURNS trigger LANGUAGE c
AS 'MODULE_PATHNAME', 'announce_listeners_wrapper';
