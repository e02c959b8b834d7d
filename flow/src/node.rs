//! One node of a graph, read from React Flow's JSON, with the settings that any node may carry in its `data`.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use crate::{catalogue::NodeType, check::settings, problem::Problem};

/// What becomes of a failure for which there is no `error` edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It goes to the loops around the node, else the execution fails.
    #[default]
    Stop,
    /// The execution goes on as behind a disabled node.
    Continue,
}

/// What becomes of a step that had started when its daemon died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInterrupted {
    /// It runs again with the same idempotency key.
    #[default]
    Retry,
    /// It fails with `interrupted`, for a person to decide.
    Fail,
}

/// How often and when a failed attempt is repeated before the failure counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first one included.
    pub max_attempts: u32,
    /// Whether each pause is twice the one before.
    pub exponential: bool,
    /// The pause before the second attempt.
    pub initial: Duration,
    /// No pause is longer.
    pub max: Duration,
    /// Whether each pause is made shorter at random.
    pub jitter: bool,
}

impl Retry {
    /// The pause after this attempt (from 1), before jitter; none when there is no further attempt.
    pub fn pause(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doublings = if self.exponential {
            attempt.saturating_sub(1).min(30)
        } else {
            0
        };
        Some(self.initial.saturating_mul(1 << doublings).min(self.max))
    }
}

/// One executable node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Unique in its graph.
    pub id: Arc<str>,
    /// Its type in the catalogue.
    pub kind: &'static NodeType,
    /// What people call it; its id where they call it nothing.
    pub label: String,
    /// Whether it only passes its input on.
    pub disabled: bool,
    /// `data.config`, else `data` itself. Always an object.
    pub config: Value,
    /// What becomes of a failure.
    pub on_error: OnError,
    /// What becomes of a step whose daemon died.
    pub on_interrupted: OnInterrupted,
    /// The output in test mode.
    pub pinned_output: Option<Value>,
    /// The variable that the output becomes, too.
    pub output_variable: Option<String>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// Whether failed attempts are repeated.
    pub retry: Option<Retry>,
}

impl Node {
    /// Reads `data` of a node. What has the wrong type is a problem, and holds its default in the node.
    pub(crate) fn read(
        id: Arc<str>,
        kind: &'static NodeType,
        data: Option<&Value>,
        problems: &mut Vec<Problem>,
    ) -> Node {
        let empty = Map::new();
        let data = match data {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(data)) => data,
            Some(_) => {
                problems.push(Problem::error(
                    "wrong_type",
                    &*id,
                    "`data` of this node must be an object.",
                ));
                &empty
            }
        };
        let config = match data.get("config") {
            None | Some(Value::Null) => Value::Object(data.clone()),
            Some(config @ Value::Object(_)) => config.clone(),
            Some(_) => {
                problems.push(Problem::error(
                    "wrong_type",
                    &*id,
                    "`config` of this node must be an object.",
                ));
                Value::Object(Map::new())
            }
        };
        settings::of_any_node(&id, data, problems);
        let text = |key: &str| {
            data.get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        Node {
            label: text("label").unwrap_or(&id).to_owned(),
            disabled: data.get("disabled").and_then(Value::as_bool).unwrap_or(false),
            on_error: if text("onError") == Some("continue") {
                OnError::Continue
            } else {
                OnError::Stop
            },
            on_interrupted: match text("onInterrupted") {
                Some("fail") => OnInterrupted::Fail,
                _ => OnInterrupted::Retry,
            },
            pinned_output: data
                .get("pinnedOutput")
                .filter(|output| !output.is_null())
                .cloned(),
            output_variable: text("outputVariable").map(str::to_owned),
            timeout: data
                .get("timeoutMs")
                .and_then(Value::as_u64)
                .map(Duration::from_millis),
            retry: data.get("retry").and_then(Value::as_object).map(retry),
            id,
            kind,
            config,
        }
    }
}

/// The defaults are those that the catalogue names.
fn retry(from: &Map<String, Value>) -> Retry {
    let number = |key: &str, default: u64| from.get(key).and_then(Value::as_u64).unwrap_or(default);
    Retry {
        max_attempts: number("maxAttempts", 3).clamp(1, 100) as u32,
        exponential: from.get("backoff").and_then(Value::as_str) != Some("fixed"),
        initial: Duration::from_millis(number("initialMs", 1_000)),
        max: Duration::from_millis(number("maxMs", 60_000)),
        jitter: from.get("jitter").and_then(Value::as_bool).unwrap_or(true),
    }
}
