//! The oracle: what must hold in any database at rest, whatever was done to the daemons, as SQL over its rows; and
//! what the ledger of the world outside must say beside it. Each invariant has a name; its query gives the violations.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{Database, Receiver};

/// Name and query; each row that it gives, one text, is a violation.
pub const INVARIANTS: [(&str, &str); 16] = [
    (
        "I1 a lead gives each automation that listens to new leads exactly one execution",
        "SELECT format('lead %s: %s executions of %s', l.id, found.n, n.automation_id)
           FROM automations.listeners n
           JOIN public.automations a ON a.id = n.automation_id
           JOIN public.leads l ON l.user_id = n.account_id AND l.created_at > a.updated_at
           CROSS JOIN LATERAL (
               SELECT (SELECT count(*) FROM public.automation_executions e WHERE e.automation_id = n.automation_id
                          AND e.trigger_data ->> 'event' = 'INSERT' AND e.trigger_data #>> '{new,id}' = l.id::text)
                    + (SELECT count(*) FROM automations.queue q WHERE q.automation_id = n.automation_id
                          AND NOT q.has_execution AND q.trigger_data #>> '{new,id}' = l.id::text)
                    + (SELECT count(*) FROM automations.missed m WHERE m.automation_id = n.automation_id
                          AND m.replayed_at IS NULL AND m.data #>> '{new,id}' = l.id::text) AS n) found
          WHERE n.source = 'lead' AND n.event IN ('INSERT', 'any') AND n.conditions IS NULL AND found.n <> 1",
    ),
    (
        "I2 what is pending or running is in the queue",
        "SELECT format('%s is %s and not queued', e.id, e.status) FROM public.automation_executions e
          WHERE e.status IN ('pending', 'running')
            AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.id = e.id AND q.account_id = e.account_id)",
    ),
    (
        "I2 what waits is parked",
        "SELECT format('%s waits and is not parked', e.id) FROM public.automation_executions e
          WHERE e.status = 'waiting'
            AND NOT EXISTS (SELECT FROM automations.parked p WHERE p.execution_id = e.id)
            AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.id = e.id AND q.account_id = e.account_id)",
    ),
    (
        "I2 what is over has nothing left to do",
        "SELECT format('%s is %s and still queued or parked', e.id, e.status) FROM public.automation_executions e
          WHERE e.status IN ('completed', 'failed', 'cancelled')
            AND (EXISTS (SELECT FROM automations.queue q WHERE q.id = e.id)
              OR EXISTS (SELECT FROM automations.parked p WHERE p.execution_id = e.id)
              OR e.completed_at IS NULL)",
    ),
    (
        "I2 no lease has lapsed for long",
        "SELECT format('the lease of %s lapsed at %s', q.id, q.lease_until) FROM automations.queue q
          WHERE q.lease_until < clock_timestamp() - interval '15 seconds'",
    ),
    (
        "I2 what came wakes who waits",
        "SELECT format('%s sleeps, and %s came at %s', w.execution_id, w.came, w.came_at) FROM automations.waits w
           JOIN automations.parked p ON p.execution_id = w.execution_id
          WHERE w.kind IS NOT NULL AND w.came IS NOT NULL AND coalesce(p.wake_at > clock_timestamp(), true)",
    ),
    (
        "I2 nobody waits in what is over",
        "SELECT format('a step of %s waits, which is %s', e.id, e.status) FROM automations.waits w
           JOIN public.automation_executions e ON e.id = w.execution_id
          WHERE e.status IN ('completed', 'failed', 'cancelled') AND w.kind IS DISTINCT FROM 'ended'",
    ),
    (
        "I5 an event that was emitted is delivered",
        "SELECT format('%s, emitted at %s', v.id, v.emitted_at) FROM public.automation_events v
          WHERE v.delivered_at IS NULL AND v.emitted_at < clock_timestamp() - interval '1 minute'",
    ),
    (
        "I3 a key belongs to one step",
        "SELECT format('%s belongs to %s steps', s.idempotency_key, count(*)) FROM automations.recorded_steps s
          WHERE s.idempotency_key IS NOT NULL GROUP BY s.idempotency_key HAVING count(*) > 1",
    ),
    (
        "I3 a step has a key",
        "SELECT format('%s %s %s %s has no key', s.execution_id, s.node_id, s.place, s.run)
           FROM automations.recorded_steps s WHERE s.idempotency_key IS NULL",
    ),
    (
        "I4 steps end one after the other",
        "SELECT format('%s: step %s of %s ended as number %s', s.execution_id, s.n, s.node_id, s.ordinal) FROM (
             SELECT s.*, row_number() OVER (PARTITION BY s.execution_id ORDER BY s.ordinal, s.node_id) AS n
               FROM automations.recorded_steps s WHERE s.ordinal IS NOT NULL) s
          WHERE s.ordinal <> s.n OR s.began_after >= s.ordinal",
    ),
    (
        "I4 nothing begins after the end",
        "SELECT format('%s: %s began at %s', s.execution_id, s.node_id, s.started_at) FROM automations.recorded_steps s
           JOIN public.automation_executions e ON e.id = s.execution_id
          WHERE e.status IN ('completed', 'failed', 'cancelled') AND s.started_at > e.completed_at",
    ),
    (
        "I4 what the history tells is what the steps say",
        "SELECT format('%s tells %s ended steps and has %s', e.id, told.n, kept.n) FROM public.automation_executions e
           CROSS JOIN LATERAL (SELECT count(*) AS n FROM jsonb_array_elements(e.nodes_executed) t (step)
              WHERE t.step ->> 'status' <> 'skipped' AND t.step ->> 'node_type' <> 'logic-loop') told
           CROSS JOIN LATERAL (SELECT count(*) AS n FROM automations.recorded_steps s WHERE s.execution_id = e.id
              AND s.status IN ('completed', 'failed') AND s.ordinal IS NOT NULL
              AND s.node_type <> 'logic-loop') kept
          WHERE e.status = 'completed' AND told.n <> kept.n",
    ),
    (
        "I6 a time of a schedule has one execution",
        "SELECT format('%s: %s executions for %s', e.automation_id, count(*), e.trigger_data ->> 'scheduled_at')
           FROM public.automation_executions e
          WHERE e.trigger_type = 'schedule' AND e.retry_of IS NULL AND NOT e.test_mode
          GROUP BY e.automation_id, e.trigger_data ->> 'scheduled_at' HAVING count(*) > 1",
    ),
    (
        "I7 an execution and its steps are of one account",
        "SELECT format('%s %s', t.what, t.id) FROM (
             SELECT 'step of', s.execution_id, s.account_id FROM automations.recorded_steps s
             UNION ALL SELECT 'queued', q.id, q.account_id FROM automations.queue q
             UNION ALL SELECT 'waits', w.execution_id, w.account_id FROM automations.waits w
             UNION ALL SELECT 'parked', p.execution_id, p.account_id FROM automations.parked p) t (what, id, account)
           JOIN public.automation_executions e ON e.id = t.id WHERE e.account_id <> t.account",
    ),
    (
        "I7 an execution is about rows of its own account",
        "SELECT format('%s', e.id) FROM public.automation_executions e
           LEFT JOIN public.automations a ON a.id = e.automation_id
           LEFT JOIN public.leads l ON l.id = e.lead_id
           LEFT JOIN public.conversations c ON c.id = e.conversation_id
           LEFT JOIN public.agents g ON g.id = c.agent_id
           LEFT JOIN public.automation_executions b ON b.id = e.caused_by
          WHERE e.account_id <> ANY (ARRAY[a.user_id, l.user_id, g.user_id, b.account_id])",
    ),
];

/// All violations, each with the name of its invariant.
pub async fn violations(database: &Database) -> Vec<String> {
    let mut all = Vec::new();
    for (name, query) in INVARIANTS {
        let rows = database.owner.query(query, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        all.extend(
            rows.iter()
                .map(|row| format!("{name}: {}", row.get::<_, String>(0))),
        );
    }
    all
}

/// Nothing is violated.
///
/// # Panics
/// If anything is.
pub async fn must_hold(database: &Database) {
    let all = violations(database).await;
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// I5: what was acknowledged (an id that `run()` gave) is there.
pub async fn lost(database: &Database, acknowledged: &[Uuid]) -> Vec<Uuid> {
    let query = "SELECT a.id FROM unnest($1::uuid[]) AS a (id)
                  WHERE NOT EXISTS (SELECT FROM public.automation_executions e WHERE e.id = a.id)
                    AND NOT EXISTS (SELECT FROM automations.queue q WHERE q.id = a.id)";
    let rows = database.owner.query(query, &[&acknowledged]).await;
    rows.expect("executions").iter().map(|row| row.get(0)).collect()
}

/// I3, outside: every request has the key of a step that is known, and one thing (as `thing` names it) has one key.
pub async fn misdirected(
    database: &Database,
    receiver: &Receiver,
    thing: impl Fn(&crate::receiver::Request) -> String,
) -> Vec<String> {
    let rows = database
        .owner
        .query(
            "SELECT idempotency_key::text FROM automations.recorded_steps",
            &[],
        )
        .await
        .expect("steps");
    let known: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for request in receiver.requests() {
        let (key, thing) = (
            request.header("idempotency-key").unwrap_or_default(),
            thing(&request),
        );
        if !known.contains(key) {
            wrong.push(format!("{thing}: no step has the key {key:?}"));
        }
        let first = keys.entry(thing.clone()).or_insert_with(|| key.to_owned());
        if first != key {
            wrong.push(format!("{thing}: asked for under {first} and under {key}"));
        }
    }
    wrong
}
