//! Compiled graphs: one per version of an automation, shared by all its executions, kept while they are used.

mod invalid;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flow::{Configured, Node, Plan, Position, TemplateError};
use serde_json::Value;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::engine::mentions::Mentions;
use crate::nodes::{self, Class, NodeKind};
use crate::queue::{Queue, QueueError};
pub use invalid::Invalid;
use invalid::invalid;

/// How many are kept. A graph of the limit's 1 MiB takes a few MiB compiled; ordinary ones a hundredth of that.
const KEPT: usize = 256;

/// How long one is kept: versions never change, but the agent of an automation may.
const FRESH: Duration = Duration::from_secs(60);

/// A graph ready to be walked.
pub struct Definition {
    /// `env.agent_id` in templates.
    pub agent_id: Option<Uuid>,
    /// From the occurrence of an execution to its end, waiting included (`options.timeout_seconds`).
    pub timeout: Option<Duration>,
    /// The compiled graph.
    pub plan: Arc<Plan>,
    /// What each executable node needs for a run, by node id.
    pub nodes: HashMap<Arc<str>, Prepared>,
    /// A node may tell somebody outside the id of its execution, or a token of it.
    pub tells_who_it_is: bool,
}

impl Definition {
    /// The class of a node; none: this daemon cannot run it.
    pub fn class(&self, node: &str) -> Option<Class> {
        let kind = self.nodes.get(node)?.kind?;
        Some(kind.class())
    }
}

/// What a run of one node needs.
pub struct Prepared {
    /// The implementation; `None`: this daemon has none.
    pub kind: Option<&'static dyn NodeKind>,
    /// The configuration, its templates compiled.
    pub configured: Result<Configured, TemplateError>,
    /// Which names its strings may read, so that nothing else is fetched or copied.
    pub mentions: Mentions,
}

type Compiled = Result<Arc<Definition>, Invalid>;
type Key = (Uuid, Option<i32>, String);

struct Entry {
    cell: Arc<OnceCell<Compiled>>,
    since: Instant,
    used: Instant,
}

/// The cache.
pub struct Definitions {
    queue: Queue,
    limits: flow::Limits,
    entries: Mutex<HashMap<Key, Entry>>,
}

impl Definitions {
    /// An empty cache over this queue.
    pub fn new(queue: Queue, limits: flow::Limits) -> Definitions {
        Definitions {
            queue,
            limits,
            entries: Mutex::new(HashMap::new()),
        }
    }

    /// The compiled version; what cannot be compiled is remembered too. Many that ask at once cost one query.
    pub async fn get(
        &self,
        automation: Uuid,
        version: Option<i32>,
        trigger_type: &str,
    ) -> Result<Compiled, QueueError> {
        let cell = self.cell((automation, version, trigger_type.to_owned()));
        let compiled = cell
            .get_or_try_init(|| async {
                let Some(stored) = self.queue.definition(automation, version).await? else {
                    let message = "the version that this execution runs is not there any more".to_owned();
                    return Ok(Err(Invalid {
                        message,
                        node_id: None,
                    }));
                };
                let limits = self.limits.clone();
                let trigger_type = trigger_type.to_owned();
                // a graph at the limit takes milliseconds, and this thread has heartbeats to send
                let work = move || compile(&stored, &trigger_type, &limits);
                Ok::<_, QueueError>(tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
                    Err(Invalid {
                        message: "the graph could not be compiled".to_owned(),
                        node_id: None,
                    })
                }))
            })
            .await?;
        Ok(compiled.clone())
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<Compiled>> {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now.duration_since(entry.since) < FRESH);
        if entries.len() >= KEPT && !entries.contains_key(&key) {
            let oldest = entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| key.clone());
            oldest.map(|key| entries.remove(&key));
        }
        let fresh = || Entry {
            cell: Arc::default(),
            since: now,
            used: now,
        };
        let entry = entries.entry(key).or_insert_with(fresh);
        entry.used = now;
        entry.cell.clone()
    }
}

fn compile(
    stored: &crate::queue::definition::StoredDefinition,
    trigger_type: &str,
    limits: &flow::Limits,
) -> Compiled {
    let read = |what: &str, text: &str| -> Result<Value, Invalid> {
        serde_json::from_str(text).map_err(|error| Invalid {
            message: format!("the {what} cannot be read: {error}"),
            node_id: None,
        })
    };
    let (nodes, edges) = (read("nodes", &stored.nodes)?, read("edges", &stored.edges)?);
    let plan = Plan::compile(&nodes, &edges, trigger_type, &stored.trigger_type, limits).map_err(invalid)?;
    let plan = Arc::new(plan);
    if let Some(node) = unknown(&plan) {
        return Err(Invalid {
            message: format!(
                "node {}: this daemon cannot run nodes of the type {} yet",
                node.id, node.kind.name
            ),
            node_id: Some(node.id.to_string()),
        });
    }
    let ids: Vec<Arc<str>> = plan.nodes().map(|node| node.id.clone()).collect();
    let prepared: HashMap<_, _> = plan
        .nodes()
        .map(|node| {
            let configured = Configured::compile(&node.config, node.kind);
            let prepared = Prepared {
                kind: nodes::find(node.kind.name),
                mentions: mentions(node, configured.as_ref().ok(), &ids),
                configured,
            };
            (node.id.clone(), prepared)
        })
        .collect();
    Ok(Arc::new(Definition {
        agent_id: stored.agent_id,
        timeout: timeout(stored.options.as_deref()),
        plan,
        tells_who_it_is: prepared.values().any(|node| node.mentions.tell_who_it_is()),
        nodes: prepared,
    }))
}

/// Nothing, null, zero and what is no number are no timeout.
fn timeout(options: Option<&str>) -> Option<Duration> {
    let options: Value = serde_json::from_str(options?).ok()?;
    let seconds = options.get("timeout_seconds")?.as_f64()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|timeout| !timeout.is_zero())
}

/// A node that may be reached and that nothing here can run: it is better that nothing of such a graph runs than that
/// half of it does. A disabled one only passes its input on.
fn unknown(plan: &Arc<Plan>) -> Option<&Node> {
    let (position, _) = Position::start(plan.clone(), 1);
    let reachable = position.untaken(); // but for the start, which has begun
    reachable
        .iter()
        .filter_map(|id| plan.node(id))
        .chain([plan.start()])
        .find(|node| !node.disabled && nodes::find(node.kind.name).is_none())
}

/// A trigger renders nothing: its `eventSource: "lead"` is no wish to read one.
fn mentions(node: &Node, configured: Option<&Configured>, ids: &[Arc<str>]) -> Mentions {
    if node.kind.name.starts_with("trigger-") {
        return Mentions::default();
    }
    Mentions::find(&node.config, configured, ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_number_of_seconds_above_zero() {
        let seconds = |options: &str| timeout(Some(options)).map(|timeout| timeout.as_secs_f64());
        assert_eq!(seconds(r#"{"timeout_seconds": 30}"#), Some(30.0));
        assert_eq!(seconds(r#"{"timeout_seconds": 0.5}"#), Some(0.5));
        for none in [
            "null",
            "{}",
            "x",
            r#"{"timeout_seconds": null}"#,
            r#"{"timeout_seconds": 0}"#,
            r#"{"timeout_seconds": -1}"#,
            r#"{"timeout_seconds": 1e300}"#,
            r#"{"timeout_seconds": "soon"}"#,
        ] {
            assert_eq!(seconds(none), None, "{none}");
        }
        assert_eq!(timeout(None), None);
    }

    fn compiled(code: Value, reached: bool) -> Compiled {
        let nodes = serde_json::json!([
            { "id": "t", "type": "trigger-manual" },
            { "id": "code", "type": "transform-code", "data": code },
        ]);
        let edge = serde_json::json!({ "id": "e", "source": "t", "target": "code" });
        let stored = crate::queue::definition::StoredDefinition {
            agent_id: None,
            trigger_type: "manual".to_owned(),
            options: None,
            nodes: nodes.to_string(),
            edges: if reached {
                Value::Array(vec![edge]).to_string()
            } else {
                "[]".to_owned()
            },
        };
        compile(&stored, "manual", &flow::Limits::default())
    }

    #[test]
    fn nothing_of_a_graph_runs_when_a_node_that_can_be_reached_cannot() {
        let code = |disabled: bool| serde_json::json!({ "disabled": disabled, "config": { "code": "1" } });
        let invalid = compiled(code(false), true).err().unwrap();
        assert_eq!(invalid.node_id.as_deref(), Some("code"));
        assert_eq!(
            invalid.message,
            "node code: this daemon cannot run nodes of the type transform-code yet"
        );
        assert!(compiled(code(true), true).is_ok());
        assert!(compiled(code(false), false).is_ok());
    }
}
