//! How an execution ends: the result as `automations.finish` takes it.

use std::sync::Arc;

use flow::{End, Outcome};
use serde_json::{Map, Value, json};

use super::clean;
use super::story::Story;
use super::summary::all_nodes;
use crate::settings::Limits;

/// A result that is to be written.
#[derive(Debug, Clone)]
pub struct Ending {
    /// `completed`, `failed` or `cancelled`.
    pub status: &'static str,
    /// Message and code, of a failed one.
    pub error: Option<(String, &'static str)>,
    /// The node that failed.
    pub node_id: Option<Arc<str>>,
    /// The result.
    pub output: Value,
    /// The final variables.
    pub variables: Map<String, Value>,
    /// What people read.
    pub nodes_executed: Value,
    /// Records that are not written yet.
    pub steps: Vec<Value>,
}

impl Ending {
    /// A failure before or beside any step.
    pub fn failed(code: &'static str, message: impl Into<String>, node_id: Option<Arc<str>>) -> Ending {
        Ending {
            status: "failed",
            error: Some((message.into(), code)),
            node_id,
            output: Value::Null,
            variables: Map::new(),
            nodes_executed: json!([]),
            steps: Vec::new(),
        }
    }

    /// What the story came to.
    pub fn of(story: &Story, end: &End, limits: &Limits, steps: Vec<Value>) -> Ending {
        let last = story.ended().next_back().map(|(_, told)| told);
        let output = last.map(|told| (*told.output).clone()).unwrap_or_default();
        let (status, error, node_id) = match end {
            End::Completed => ("completed", None, None),
            End::Cancelled => ("cancelled", None, None),
            End::Failed { node } => ("failed", Some(failure(story, node.as_ref())), node.clone()),
            End::Budget { nodes } => (
                "failed",
                Some(budget(nodes, limits)),
                nodes.first().map(|one| one.0.clone()),
            ),
        };
        let stopped = last.is_some_and(|told| matches!(told.outcome, Outcome::Stopped(_)));
        Ending {
            status,
            error,
            node_id,
            output: if status == "failed" && !stopped {
                Value::Null
            } else {
                output
            },
            variables: story.variables().clone(),
            nodes_executed: all_nodes(story, limits),
            steps,
        }
    }

    /// As `automations.finish` takes it. Nothing is copied: outputs may be large.
    pub fn into_json(self) -> Value {
        let (message, code) = self.error.unzip();
        let message = message.map(|text| clean::replaced(&text).into_owned());
        let mut result = Map::new();
        result.insert("status".to_owned(), self.status.into());
        result.insert("error".to_owned(), message.into());
        result.insert("error_code".to_owned(), code.into());
        result.insert("error_node_id".to_owned(), self.node_id.as_deref().into());
        result.insert("output".to_owned(), self.output);
        result.insert("variables".to_owned(), Value::Object(self.variables));
        result.insert("nodes_executed".to_owned(), self.nodes_executed);
        result.insert("steps".to_owned(), Value::Array(self.steps));
        Value::Object(result)
    }
}

/// The codes of CONTRACT section 2 that a step may end an execution with.
const CODES: [&str; 6] = [
    "timeout",
    "too_large",
    "denied",
    "no_secret",
    "interrupted",
    "invalid_graph",
];

fn failure(story: &Story, node: Option<&Arc<str>>) -> (String, &'static str) {
    let of_node = |id: &Arc<str>| {
        let mut ended = story.ended().rev();
        ended.find_map(|(step, told)| (step.node == *id).then(|| told.error.clone()).flatten())
    };
    let Some(error) = node.and_then(of_node) else {
        return ("the execution failed".to_owned(), "node_failed");
    };
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = CODES
        .into_iter()
        .find(|code| *code == text("code"))
        .unwrap_or("node_failed");
    (text("message").to_owned(), code)
}

fn budget(nodes: &[(Arc<str>, u64)], limits: &Limits) -> (String, &'static str) {
    let most = nodes
        .iter()
        .map(|(id, runs)| format!("{id} ({runs} times)"))
        .collect::<Vec<_>>()
        .join(", ");
    (
        format!("more than {} steps; what ran most: {most}", limits.max_steps),
        "step_budget",
    )
}
