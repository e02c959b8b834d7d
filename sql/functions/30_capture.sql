-- AFTER statement trigger of every watched table: queues an execution for each change that somebody listens to.
-- What goes wrong is put down in automations.missed, and the application's write succeeds all the same (D4).
-- Not SECURITY DEFINER: for its own statements it switches to the owner of the tables itself.
CREATE FUNCTION automations.capture() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'capture_wrapper';
