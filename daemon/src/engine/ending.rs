//! How an execution ends: the result as `automations.finish` takes it.

use std::sync::Arc;

use flow::End;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::Value;

use super::clean;
use super::record::Record;
use super::story::{Output, Story};
use super::summary::{Listed, all_nodes};
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
    pub output: Output,
    /// The line of `nodes_executed` whose output it is; none without that list.
    pub output_line: Option<usize>,
    /// The final variables; null leaves what is written already.
    pub variables: Arc<Value>,
    /// What people read; none leaves what is written already.
    pub nodes_executed: Option<Listed>,
    /// Records that are not written yet.
    pub steps: Vec<Record>,
}

impl Ending {
    /// A failure beside any step, of which nothing is told but why.
    pub fn failed(code: &'static str, message: impl Into<String>, node_id: Option<Arc<str>>) -> Ending {
        Ending {
            status: "failed",
            error: Some((message.into(), code)),
            node_id,
            output: Output::default(),
            output_line: None,
            variables: Arc::default(),
            nodes_executed: None,
            steps: Vec::new(),
        }
    }

    /// The same of an execution whose story had begun: with what had happened, and the records that are not written.
    pub fn with(self, story: &Story, steps: Vec<Record>) -> Ending {
        Ending {
            variables: story.variables().clone(),
            nodes_executed: Some(all_nodes(story)),
            steps,
            ..self
        }
    }

    /// What the story came to.
    pub fn of(story: &Story, end: &End, limits: &Limits, steps: Vec<Record>) -> Ending {
        let last = story.last().cloned().unwrap_or_default();
        let (status, error, node_id) = match end {
            End::Completed => ("completed", None, None),
            End::Cancelled => ("cancelled", None, None),
            End::Failed { node } => ("failed", Some(failure(story, node.as_ref())), node.clone()),
            End::Budget { nodes, cycle } => (
                "failed",
                Some(budget(nodes, *cycle, limits)),
                nodes.first().map(|one| one.0.clone()),
            ),
        };
        let has_output = status != "failed" || last.stopped;
        Ending {
            status,
            error,
            node_id,
            output_line: last.line.filter(|_| has_output),
            output: if has_output {
                last.output
            } else {
                Output::default()
            },
            variables: story.variables().clone(),
            nodes_executed: Some(all_nodes(story)),
            steps,
        }
    }
}

/// As `automations.finish` takes it. Nothing is copied: outputs may be large.
impl Serialize for Ending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (message, code) = self
            .error
            .as_ref()
            .map(|(text, code)| (clean::replaced(text), code))
            .unzip();
        let mut result = serializer.serialize_struct("Ending", 8)?;
        // in the order in which jsonb keeps keys: nothing is sorted when it is read
        result.serialize_field("error", &message)?;
        result.serialize_field("steps", &self.steps)?;
        if self.output_line.is_none() {
            result.serialize_field("output", &self.output)?;
        }
        result.serialize_field("status", self.status)?;
        result.serialize_field("variables", &*self.variables)?;
        result.serialize_field("error_code", &code)?;
        if let Some(line) = self.output_line {
            // what is shown is not sent a second time
            result.serialize_field("output_line", &line)?;
        }
        result.serialize_field("error_node_id", &self.node_id.as_deref())?;
        result.serialize_field("nodes_executed", &self.nodes_executed)?;
        result.end()
    }
}

/// The codes of CONTRACT section 2 that a step may end an execution with.
const CODES: [&str; 7] = [
    "timeout",
    "too_large",
    "denied",
    "no_secret",
    "interrupted",
    "invalid_graph",
    "loop_depth",
];

fn failure(story: &Story, node: Option<&Arc<str>>) -> (String, &'static str) {
    let Some(error) = node.and_then(|id| story.error_of(id)) else {
        return ("the execution failed".to_owned(), "node_failed");
    };
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = CODES
        .into_iter()
        .find(|code| *code == text("code"))
        .unwrap_or("node_failed");
    (text("message").to_owned(), code)
}

fn budget(nodes: &[(Arc<str>, u64)], cycle: bool, limits: &Limits) -> (String, &'static str) {
    if cycle {
        let runs = nodes.first().map_or(0, |(_, runs)| *runs);
        let first = nodes.first();
        let ids: Vec<&str> = nodes.iter().chain(first).map(|(id, _)| &**id).collect();
        let way = ids.join(" -> ");
        return (
            format!(
                "more than {} steps; this cycle does not end: {way} ({runs} times)",
                limits.max_steps
            ),
            "step_budget",
        );
    }
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
