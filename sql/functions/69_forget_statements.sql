-- Trigger on automations.sources: backends keep the statements of database nodes, and what they were made from has
-- changed.
CREATE FUNCTION automations.forget_statements() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'forget_statements_wrapper';
