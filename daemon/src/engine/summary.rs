//! `nodes_executed`: what people read of an execution. In order of completion, what was not reached listed last,
//! each input and output shown up to a limit, and all of them together (CONTRACT section 6).

use flow::Outcome;
use serde_json::{Value, json};

use super::clean;
use super::record::time;
use super::story::Story;
use crate::settings::Limits;

/// The list.
pub fn nodes_executed(story: &Story, limits: &Limits) -> Value {
    let mut left = limits.max_shown_total;
    let mut show = |value: &Value| shown(value, limits.max_shown, &mut left);
    let mut list: Vec<Value> = Vec::new();
    for (step, told) in story.ended() {
        let Some(node) = story.plan().node(&step.node) else {
            continue;
        };
        let failed = told.outcome == Outcome::Failed;
        let mut entry = json!({
            "node_id": node.id,
            "node_type": node.kind.name,
            "label": clean::replaced(&node.label),
            "status": match told.outcome {
                Outcome::Failed => "failed",
                Outcome::Skipped => "skipped",
                _ => "success",
            },
            "started_at": time(told.started_at),
            "completed_at": time(told.completed_at),
            "duration_ms": told.duration_ms,
            "attempt": told.attempt,
            "run": step.run,
            "iteration": step.place.iterations(),
            "input": show(&told.input),
            "output": if failed { Value::Null } else { show(&told.output) },
            "error": told.error.as_deref().map(&mut show),
        });
        if !told.warnings.is_empty() {
            entry["warnings"] = json!(told.warnings);
        }
        list.push(entry);
    }
    Value::Array(list)
}

/// The same of an execution that has ended: what was never reached comes last. While one waits, nobody knows yet.
pub fn all_nodes(story: &Story, limits: &Limits) -> Value {
    let mut list = nodes_executed(story, limits);
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

/// The value, or how much of it was cut. What does not fit into the rest of the whole is cut too.
fn shown(value: &Value, each: usize, left: &mut usize) -> Value {
    match clean::size(value, each.min(*left)) {
        Some(size) => {
            *left -= size;
            value.clone()
        }
        None => json!({ "cut": true, "preview": preview(value) }),
    }
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
        let (value, mut left) = (json!("12345678"), 25); // ten bytes as JSON
        assert_eq!(shown(&value, 10, &mut left), value);
        assert_eq!(
            shown(&value, 9, &mut left),
            json!({ "cut": true, "preview": "12345678" })
        );
        assert_eq!(shown(&value, 10, &mut left), value);
        assert_eq!(
            shown(&value, 10, &mut left),
            json!({ "cut": true, "preview": "12345678" })
        );
        assert_eq!(left, 5);
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
