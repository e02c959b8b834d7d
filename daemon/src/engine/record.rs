//! Step records: the rows of `automations.steps` as `record`, `park` and `finish` take them.

use chrono::{DateTime, SecondsFormat, Utc};
use flow::{Node, Outcome, StepId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::clean;
use super::story::Told;

/// An input beyond this is not stored a second time: it is some other step's output.
const MAX_INPUT: usize = 256 << 10;

/// Who a step is.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// Its execution.
    pub execution: Uuid,
    /// Its identity.
    pub step: &'a StepId,
    /// Its node.
    pub node: &'a Node,
}

/// A step that is about to act outside (D8).
pub fn started(who: Who<'_>, attempt: u32, at: DateTime<Utc>) -> Value {
    row(who, attempt, "started", json!({ "started_at": time(at) }))
}

/// A step that waits; `wake_in_ms` from now, null until it is resumed.
pub fn parked(
    who: Who<'_>,
    attempt: u32,
    at: DateTime<Utc>,
    wake_in_ms: Option<u64>,
    output: &Value,
) -> Value {
    row(
        who,
        attempt,
        "parked",
        json!({ "started_at": time(at), "wake_in_ms": wake_in_ms, "output": output }),
    )
}

/// A step that has ended, as the `ordinal`th of its execution.
pub fn ended(who: Who<'_>, ordinal: u32, told: &Told) -> Value {
    let status = match told.outcome {
        Outcome::Failed => "failed",
        Outcome::Skipped => "skipped",
        _ => "completed",
    };
    // what a trigger gives is the execution's trigger data, stored there
    let is_trigger = who.node.kind.name.starts_with("trigger-");
    let output = if is_trigger { &Value::Null } else { &*told.output };
    let input = if is_trigger {
        Value::Null
    } else {
        shown(&told.input)
    };
    row(
        who,
        told.attempt,
        status,
        json!({
            "ordinal": ordinal,
            "outcome": told.outcome,
            "input": input,
            "output": output,
            "error": told.error.as_deref(),
            "variables": if told.variables.is_empty() { None } else { Some(&told.variables) },
            "warnings": if told.warnings.is_empty() { None } else { Some(&told.warnings) },
            "started_at": time(told.started_at),
            "completed_at": time(told.completed_at),
            "duration_ms": told.duration_ms,
        }),
    )
}

fn shown(input: &Value) -> Value {
    match clean::size(input, MAX_INPUT) {
        Some(_) => input.clone(),
        None => json!({ "cut": true }),
    }
}

fn row(who: Who<'_>, attempt: u32, status: &str, more: Value) -> Value {
    let mut row = json!({
        "node_id": who.step.node,
        "place": who.step.place.to_string(),
        "run": who.step.run,
        "attempt": attempt,
        "node_type": who.node.kind.name,
        "label": clean::replaced(&who.node.label),
        "status": status,
        "idempotency_key": who.step.idempotency_key(who.execution),
    });
    if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
        row.extend(more);
    }
    row
}

/// RFC 3339 with microseconds, as Postgres keeps them.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
