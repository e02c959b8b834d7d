//! What a story is told of a step, and what it gives back.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Outcome, StepId};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A step as it ends.
#[derive(Debug, Clone)]
pub struct Told {
    /// Which attempt it was.
    pub attempt: u32,
    /// What it chose.
    pub outcome: Outcome,
    /// What it was given.
    pub input: Arc<Value>,
    /// What it gave; of a failed one the error.
    pub output: Arc<Value>,
    /// Message, code and more.
    pub error: Option<Arc<Value>>,
    /// Variables that it set.
    pub variables: Map<String, Value>,
    /// Noted on it.
    pub warnings: Vec<String>,
    /// Local clock; for people.
    pub started_at: DateTime<Utc>,
    /// Local clock; for people.
    pub completed_at: DateTime<Utc>,
    /// By the monotonic clock.
    pub duration_ms: u64,
}

/// A value, or its JSON until somebody reads it: the results of a loop over a hundred thousand items take a fiftieth
/// of the memory then, and often nobody does.
#[derive(Debug, Clone)]
pub enum Output {
    /// As a value.
    Value(Arc<Value>),
    /// As JSON.
    Json(Arc<RawValue>),
}

impl Output {
    /// The value.
    pub fn value(&self) -> Arc<Value> {
        match self {
            Output::Value(value) => value.clone(),
            Output::Json(json) => Arc::new(serde_json::from_str(json.get()).unwrap_or_default()),
        }
    }
}

impl Default for Output {
    fn default() -> Output {
        Output::Value(Arc::default())
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Output::Value(value) => value.serialize(serializer),
            Output::Json(json) => json.serialize(serializer),
        }
    }
}

/// What may still be read of an ended step.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it gave.
    pub output: Output,
    /// Message, code and more, of a failed one.
    pub error: Option<Arc<Value>>,
}

/// A step that may run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// What to run.
    pub step: StepId,
    /// The output of the node that led here.
    pub input: Arc<Value>,
}

/// What follows from a completion.
#[derive(Debug, Default)]
pub struct Moves {
    /// Steps to run.
    pub begin: Vec<Begun>,
    /// Steps whose result is no longer wanted.
    pub cancel: Vec<StepId>,
    /// The line of `nodes_executed` that shows the step that ended, with nothing of it cut.
    pub line: Option<usize>,
}
