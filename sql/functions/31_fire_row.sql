-- Queues what listens to one changed row: how public.fire_lead_automations() and its sister work on a table that
-- an application attached them to itself. Does nothing on a table that is captured.
CREATE FUNCTION automations.fire_row(source text, tab oid, operation text, old_row jsonb, new_row jsonb) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fire_row_wrapper';
