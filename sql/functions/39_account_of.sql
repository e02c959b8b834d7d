-- Whose a lead, a conversation or an agent is (kind says which), also where row level security is forced upon the owner of the
-- tables. For the machinery only.
CREATE FUNCTION automations.account_of(kind text, id uuid) RETURNS uuid
STABLE STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'account_of_wrapper';
