//! `nodes_executed`: what people read of an execution. In order of completion, what was not reached listed last,
//! each input and output shown up to a limit, and all of them together (CONTRACT section 6). What is shown is chosen
//! when a step ends, so that nothing else of it has to be kept for the sake of this list.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Outcome, StepId};
use serde_json::{Value, json};

use super::clean;
use super::record::time;
use super::story::{Story, Told};
use crate::settings::Limits;

/// What is shown of the steps that ended, in their order.
#[derive(Debug)]
pub struct Summary {
    entries: Vec<Entry>,
    each: usize,
    left: usize,
}

#[derive(Debug)]
struct Entry {
    step: StepId,
    status: &'static str,
    attempt: u32,
    input: Shown,
    output: Option<Shown>,
    error: Option<Shown>,
    warnings: Vec<String>,
    started_at: DateTime<Utc>,
    completed_at: DateTime<Utc>,
    duration_ms: u64,
}

/// A value, or enough of it to know it again.
#[derive(Debug)]
enum Shown {
    Whole(Arc<Value>),
    Cut(String),
}

impl Summary {
    /// Nothing has ended yet.
    pub fn new(limits: &Limits) -> Summary {
        Summary {
            entries: Vec::new(),
            each: limits.max_shown,
            left: limits.max_shown_total,
        }
    }

    /// A step has ended.
    pub fn add(&mut self, step: &StepId, told: Told) {
        let failed = told.outcome == Outcome::Failed;
        let input = self.shown(&told.input);
        let output = (!failed).then(|| self.shown(&told.output));
        let error = told.error.as_ref().map(|error| self.shown(error));
        self.entries.push(Entry {
            step: step.clone(),
            status: match told.outcome {
                Outcome::Failed => "failed",
                Outcome::Skipped => "skipped",
                _ => "success",
            },
            attempt: told.attempt,
            input,
            output,
            error,
            warnings: told.warnings,
            started_at: told.started_at,
            completed_at: told.completed_at,
            duration_ms: told.duration_ms,
        });
    }

    /// The value, or how much of it was cut. What does not fit into the rest of the whole is cut too.
    fn shown(&mut self, value: &Arc<Value>) -> Shown {
        match clean::size(value, self.each.min(self.left)) {
            Some(size) => {
                self.left -= size;
                Shown::Whole(value.clone())
            }
            None => Shown::Cut(preview(value)),
        }
    }
}

impl Shown {
    fn json(&self) -> Value {
        match self {
            Shown::Whole(value) => (**value).clone(),
            Shown::Cut(preview) => json!({ "cut": true, "preview": preview }),
        }
    }
}

/// The list.
pub fn nodes_executed(story: &Story) -> Value {
    let mut list: Vec<Value> = Vec::new();
    for entry in &story.summary().entries {
        let Some(node) = story.plan().node(&entry.step.node) else {
            continue;
        };
        let mut line = json!({
            "node_id": node.id,
            "node_type": node.kind.name,
            "label": clean::replaced(&node.label),
            "status": entry.status,
            "started_at": time(entry.started_at),
            "completed_at": time(entry.completed_at),
            "duration_ms": entry.duration_ms,
            "attempt": entry.attempt,
            "run": entry.step.run,
            "iteration": entry.step.place.iterations(),
            "input": entry.input.json(),
            "output": entry.output.as_ref().map(Shown::json),
            "error": entry.error.as_ref().map(Shown::json),
        });
        if !entry.warnings.is_empty() {
            line["warnings"] = json!(entry.warnings);
        }
        list.push(line);
    }
    Value::Array(list)
}

/// The same of an execution that has ended: what was never reached comes last. While one waits, nobody knows yet.
pub fn all_nodes(story: &Story) -> Value {
    let mut list = nodes_executed(story);
    for id in story.untaken() {
        let Some(node) = story.plan().node(&id) else {
            continue;
        };
        let entry = json!({
            "node_id": node.id,
            "node_type": node.kind.name,
            "label": clean::replaced(&node.label),
            "status": "skipped",
            "started_at": null,
            "completed_at": null,
            "duration_ms": null,
            "attempt": 0,
            "run": 0,
            "iteration": [],
            "input": null,
            "output": null,
            "error": null,
        });
        if let Value::Array(list) = &mut list {
            list.push(entry);
        }
    }
    list
}

/// The first characters of what was cut, enough to know it again.
fn preview(value: &Value) -> String {
    const CHARACTERS: usize = 200;
    match value {
        Value::String(text) => text.chars().take(CHARACTERS).collect(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(object) => {
            let keys = object.keys().take(20).cloned().collect::<Vec<_>>().join(", ");
            format!("an object with {keys}")
                .chars()
                .take(CHARACTERS)
                .collect()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_shown_up_to_its_limit_and_all_up_to_theirs() {
        let limits = Limits {
            max_shown: 10,
            max_shown_total: 25,
            ..Limits::default()
        };
        let (value, mut summary) = (Arc::new(json!("12345678")), Summary::new(&limits)); // ten bytes as JSON
        let cut = json!({ "cut": true, "preview": "12345678" });
        assert_eq!(summary.shown(&value).json(), *value);
        summary.each = 9;
        assert_eq!(summary.shown(&value).json(), cut);
        summary.each = 10;
        assert_eq!(summary.shown(&value).json(), *value);
        assert_eq!(summary.shown(&value).json(), cut);
        assert_eq!(summary.left, 5);
    }

    #[test]
    fn what_was_cut_can_be_known_again() {
        assert_eq!(preview(&json!([1, 2])), "a list of 2");
        assert_eq!(
            preview(&json!({"status": 200, "body": ""})),
            "an object with body, status"
        );
        assert_eq!(preview(&json!("x".repeat(300))).len(), 200);
    }
}
