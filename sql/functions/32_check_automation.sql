-- BEFORE trigger of public.automations: refuses what cannot run while it is active, an agent that is not the
-- owner's, and gives a changed automation the number of its next version.
CREATE FUNCTION automations.check_automation() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'check_automation_wrapper';
