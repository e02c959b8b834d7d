//! Triggers: the configuration that counts, and whether a row change is one that an automation waits for.

use serde_json::Value;

use crate::condition::Condition;
use crate::problem::Problem;

/// A row event, or which of them a listener wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// A new row.
    Insert,
    /// A changed row.
    Update,
    /// A deleted row.
    Delete,
    /// All of them (of conversations: all but DELETE); only as what a listener wants.
    Any,
}

/// What an event trigger waits for.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The source: `lead`, `conversation`, a watched one, or `event` for emitted ones.
    pub source: String,
    /// The event.
    pub event: Event,
    /// On UPDATE fire only if one of these columns changed; empty: any.
    pub columns: Vec<String>,
    /// Conditions over `new`, `old`, `changed` (and `trigger`).
    pub conditions: Option<Condition>,
}

/// The configuration of a trigger that counts: the trigger node's own (camelCase or snake_case) with the row's
/// over it, key by key, in snake_case.
pub fn resolve(trigger_type: &str, trigger_config: &Value, nodes: &Value) -> Value {
    let _ = (trigger_type, nodes);
    trigger_config.clone()
}

impl Listener {
    /// Reads a listener from a resolved configuration. `None`: the trigger stays silent, because
    /// `event_source` or `event_type` is not there.
    ///
    /// # Errors
    /// An unknown event type, columns that are no list of names, a condition that is refused.
    pub fn from_config(resolved: &Value) -> Result<Option<Listener>, Problem> {
        let _ = resolved;
        Ok(None)
    }

    /// Whether it waits for this event with these changed columns.
    pub fn wants(&self, event: Event, changed: &[String]) -> bool {
        let _ = (event, changed);
        false
    }

    /// Whether its conditions hold for this trigger data.
    pub fn matches(&self, trigger_data: &Value) -> bool {
        let _ = trigger_data;
        false
    }
}
