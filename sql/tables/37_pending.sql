-- What waits to be claimed, for people who look.
CREATE OR REPLACE VIEW automations.pending WITH (security_invoker = true) AS
    SELECT q.id, q.account_id, q.automation_id, q.version, q.trigger_type, q.lead_id, q.conversation_id,
           q.caused_by, q.depth, q.test_mode, q.occurred_at, q.has_execution, q.attempt, q.crashes
      FROM automations.queue q
     WHERE q.lease_token IS NULL;
