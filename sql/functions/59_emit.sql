-- Emits an event: automations of the account that wait for it go on. The account is the caller's own where it is not
-- given; where there are no claims it must be given. Returns the id of the event, a row of public.automation_events.
CREATE FUNCTION automations.emit(
    event text, payload jsonb DEFAULT '{}', correlation_id text DEFAULT NULL, account_id uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'emit_wrapper';
