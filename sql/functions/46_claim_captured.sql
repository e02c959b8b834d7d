-- Claims up to `batch` captured changes that nobody has touched yet, as claim() says it, where one account alone has anything
-- waiting (the one that is `known`, from a place on) and nothing is to be decided. Nothing at all where that is not so, or
-- there is nothing of an account that is not known. A row without an id and with an account says up to which place nothing
-- more has to be looked for (null: there is nothing more), one with nothing but look_in_ms that there is more.
CREATE FUNCTION automations.claim_captured(
    token uuid, batch integer, lease_ms bigint, known uuid DEFAULT NULL, place uuid DEFAULT NULL)
RETURNS TABLE (
    id uuid, account_id uuid, automation_id uuid, version integer, trigger_type text, trigger_data jsonb, lead_id uuid,
    conversation_id uuid, caused_by uuid, depth smallint, test_mode boolean, started_at timestamptz, attempt integer,
    age_ms bigint, look_in_ms bigint, looked_to uuid
)
LANGUAGE c AS 'MODULE_PATHNAME', 'claim_captured_wrapper';
