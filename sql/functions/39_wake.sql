-- Tells daemons that something waits: one hint for each transaction, without content (D2, D3).
CREATE FUNCTION automations.wake() RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'wake_wrapper';
