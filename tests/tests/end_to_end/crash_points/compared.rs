//! What has to be the same whatever happened to the daemons: the result, the rows, and what the world was told.

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::Execution;
use serde_json::Value;

use super::every_type::IN_ORDER;
use super::world::World;

/// Everything that may not differ, a line for each fact, with what is new in each run (ids, times, the port) made
/// equal.
#[derive(Debug, PartialEq)]
pub struct Outcome(Vec<String>);

impl Outcome {
    /// Says which facts differ.
    ///
    /// # Panics
    /// If any does.
    pub fn must_be(&self, expected: &Outcome, about: &str) {
        let only = |these: &Outcome, those: &Outcome, sign: &str| -> Vec<String> {
            let mut left = those.0.clone();
            let mut only = Vec::new();
            for line in &these.0 {
                match left.iter().position(|other| other == line) {
                    Some(at) => drop(left.remove(at)),
                    None => only.push(format!("{sign} {line}")),
                }
            }
            only
        };
        let (more, less) = (only(self, expected, "+"), only(expected, self, "-"));
        assert!(
            more.is_empty() && less.is_empty(),
            "{about}:\n{}\n{}",
            less.join("\n"),
            more.join("\n")
        );
    }
}

/// How often each key was sent.
pub type Ledger = BTreeMap<String, usize>;

impl World {
    /// What came of it.
    pub async fn outcome(&self, execution: &Execution) -> Outcome {
        let json = |value: &Value| plain(&value.to_string());
        let order: Vec<String> = execution
            .ran()
            .into_iter()
            .filter(|node| IN_ORDER.contains(&node.as_str()))
            .collect();
        let mut facts = vec![
            format!("status {}", execution.status),
            format!(
                "error {:?} {:?} {:?}",
                execution.error, execution.error_code, execution.error_node
            ),
            format!("output {}", json(&execution.output)),
            format!("variables {}", json(&execution.variables)),
            format!("order {}", order.join(" ")),
        ];
        facts.extend(execution.nodes.iter().map(step));
        facts.extend(self.rows().await);
        facts.extend(self.keys().into_keys().map(|thing| format!("asked for {thing}")));
        Outcome(facts)
    }

    /// The rows of the application, and of ours what must be left.
    async fn rows(&self) -> Vec<String> {
        let query = "SELECT kind || ' ' || line FROM (
              SELECT 'lead', (to_jsonb(l) - '{id,user_id,created_at,updated_at}'::text[])::text FROM public.leads l
                WHERE l.name = 'Ada' AND l.user_id = (SELECT account_id FROM public.automation_executions WHERE id = $1)
              UNION ALL SELECT 'booking', (to_jsonb(b) - '{id,user_id,lead_id,created_at}'::text[])::text
                FROM public.bookings b
              UNION ALL SELECT 'message', role || ' ' || content FROM public.messages
              UNION ALL SELECT 'note', text FROM public.notes
              UNION ALL SELECT 'execution', concat_ws(' ', e.trigger_type, e.depth, e.status, e.output, e.variables)
                FROM public.automation_executions e
              UNION ALL SELECT 'event', concat_ws(' ', v.event, v.payload, v.source, v.delivered_at IS NOT NULL)
                FROM public.automation_events v
              UNION ALL SELECT 'waits', w::text FROM automations.waits w
              UNION ALL SELECT 'queued', q.id::text FROM automations.queue q
              UNION ALL SELECT 'parked', p.execution_id::text FROM automations.parked p
              UNION ALL SELECT 'missed', m.message FROM automations.missed m) AS all_rows (kind, line)
            ORDER BY 1";
        // events are delivered beside everything else, so the last one may come after the end
        end_to_end::waiting::until("every event to be delivered", || async {
            let left = "SELECT count(*) FROM public.automation_events WHERE delivered_at IS NULL";
            (self.database.count(left).await == 0).then_some(())
        })
        .await;
        let rows = self.database.owner.query(query, &[&self.execution]).await;
        let rows = rows.expect("rows");
        rows.iter().map(|row| plain(row.get(0))).collect()
    }

    /// The idempotency keys of each thing that was asked for.
    ///
    /// # Panics
    /// If one thing was asked for under two keys, or one key stands for two things.
    pub fn keys(&self) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::new();
        let mut things = BTreeMap::new();
        for request in self.receiver.requests() {
            let key = request.header("idempotency-key").expect("a key").to_owned();
            let thing = format!("{} {}", request.path, request.json()["at"]);
            let other = keys.insert(thing.clone(), key.clone());
            assert!(other.is_none_or(|other| other == key), "{thing} has two keys");
            let other = things.insert(key.clone(), thing.clone());
            assert!(
                other.is_none_or(|other| other == thing),
                "{key} stands for two things"
            );
        }
        keys
    }

    /// How often each thing was asked for.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new();
        for request in self.receiver.requests() {
            *ledger.entry(request.path).or_default() += 1;
        }
        ledger
    }

    /// The things whose steps are recorded as ended.
    pub async fn recorded(&self) -> BTreeSet<String> {
        let ended = "SELECT idempotency_key::text FROM automations.recorded_steps
                      WHERE status IN ('completed', 'failed') AND ordinal IS NOT NULL";
        let rows = self.database.owner.query(ended, &[]).await.expect("steps");
        let ended: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
        let keys = self.keys().into_iter();
        keys.filter(|(_, key)| ended.contains(key))
            .map(|(thing, _)| thing.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    }
}

/// A step without its times and attempts.
fn step(entry: &Value) -> String {
    let keys = [
        "node_id",
        "node_type",
        "label",
        "status",
        "run",
        "iteration",
        "input",
        "output",
        "error",
    ];
    let one = |key: &str| format!("{key}={}", entry[key]);
    plain(&keys.map(one).join(" "))
}

/// Ids, times and ports as what they are.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['"']) {
        if c.is_ascii_alphanumeric() || "-:.+_".contains(c) {
            word.push(c);
            continue;
        }
        out.push_str(name(&word).unwrap_or(&word));
        out.push(c);
        word.clear();
    }
    out
}

fn name(word: &str) -> Option<&'static str> {
    if uuid::Uuid::try_parse(word).is_ok() {
        return Some("<id>");
    }
    if word.starts_with("127.0.0.1:") {
        return Some("<port>");
    }
    let is_time = word.len() > 18 && word.starts_with("20") && word.get(10..11) == Some("T");
    is_time.then_some("<time>")
}
