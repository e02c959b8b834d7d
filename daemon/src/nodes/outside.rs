//! What a step may wait for outside of its execution, and what comes: somebody resumes it, an event, the end of an
//! execution that it started, or none of them in time. The database alone decides which (`automations.waits`).

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// What a parked step waits for, as its record says it to `automations.write_steps`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wait {
    /// That somebody calls `automations.resume` with its token.
    Resume,
    /// An event of the account.
    Event {
        /// Its name.
        event: String,
        /// Which ones: a rendered `match` (`flow::EventMatch`).
        #[serde(rename = "match")]
        matching: Value,
    },
    /// The end of an execution that the step started.
    Child {
        /// That execution.
        child_id: Uuid,
    },
}

/// An execution of another automation that a step wants to start. The engine does it, under the lease, once for each
/// attempt of the step however often it is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// The other automation.
    pub automation_id: Uuid,
    /// Its trigger data.
    pub input: Value,
    /// Whether the step ends when that execution has.
    pub wait: bool,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Somebody resumed it.
    Resumed,
    /// An event came that it waited for.
    Event,
    /// The execution that it started has ended.
    Child,
    /// Nothing came in time.
    Timeout,
}

impl How {
    /// The word of `automations.waited`.
    pub fn parse(word: &str) -> Option<How> {
        match word {
            "resumed" => Some(How::Resumed),
            "event" => Some(How::Event),
            "child" => Some(How::Child),
            "timeout" => Some(How::Timeout),
            _ => None,
        }
    }
}

/// What came.
#[derive(Debug, Clone, PartialEq)]
pub struct Came {
    /// How the wait ended.
    pub how: How,
    /// What a person decided: `approved` or `rejected`.
    pub outcome: Option<String>,
    /// What it brought; null after a timeout.
    pub payload: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wait_is_written_in_the_words_of_its_table() {
        let id = Uuid::from_u128(1);
        for (wait, written) in [
            (Wait::Resume, json!({"kind": "resume"})),
            (
                Wait::Event {
                    event: "paid".to_owned(),
                    matching: json!({"order": 7}),
                },
                json!({"kind": "event", "event": "paid", "match": {"order": 7}}),
            ),
            (
                Wait::Child { child_id: id },
                json!({"kind": "child", "child_id": id}),
            ),
        ] {
            assert_eq!(serde_json::to_value(wait).unwrap(), written);
        }
    }
}
