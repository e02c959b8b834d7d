-- Starts an automation that the caller may see, with `input` as trigger data. In test mode a draft runs too, and
-- nothing acts on the world. The same idempotency key for the same automation gives the same execution.
CREATE FUNCTION automations.run(automation_id uuid, input jsonb DEFAULT '{}', test_mode boolean DEFAULT false,
    lead_id uuid DEFAULT NULL, conversation_id uuid DEFAULT NULL, idempotency_key text DEFAULT NULL) RETURNS uuid
LANGUAGE c AS 'MODULE_PATHNAME', 'run_wrapper';
