-- What waits, for people who look: the queue, and changes of records that are not quiet yet. A change that a daemon has
-- claimed stays here until its execution has a row: there is no moment at which it is nowhere.
CREATE OR REPLACE VIEW automations.pending WITH (security_invoker = true) AS
    SELECT q.id, q.account_id, q.automation_id, q.version, q.trigger_type, q.lead_id, q.conversation_id,
           q.caused_by, q.depth, q.test_mode, q.occurred_at, q.has_execution, q.attempt, q.crashes,
           q.priority, NULL::timestamptz AS quiet_at
      FROM automations.queue q
     WHERE q.lease_token IS NULL OR NOT q.has_execution
    UNION ALL
    SELECT d.execution_id, d.account_id, d.automation_id, d.version, 'event', d.lead_id, d.conversation_id,
           d.caused_by, d.depth, false, d.occurred_at, false, 0, 0::smallint,
           d.priority, d.due_at
      FROM automations.debounced d;
