//! Triggers: the configuration that counts, and whether a row change is one that an automation waits for.

pub mod tool;
pub mod webhook;

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::condition::Condition;
use crate::names::Names;
use crate::problem::Problem;

pub mod schedule;

/// Columns that a listener may name.
const MAX_COLUMNS: usize = 1_600;
/// Characters of the name of an emitted event.
const MAX_EVENT_NAME: usize = 200;

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

impl Event {
    /// As in `event_type`, whatever its case.
    pub fn find(name: &str) -> Option<Event> {
        [Event::Insert, Event::Update, Event::Delete, Event::Any]
            .into_iter()
            .find(|event| name.eq_ignore_ascii_case(event.as_str()))
    }

    /// `INSERT`, `UPDATE`, `DELETE` or `any`.
    pub fn as_str(self) -> &'static str {
        match self {
            Event::Insert => "INSERT",
            Event::Update => "UPDATE",
            Event::Delete => "DELETE",
            Event::Any => "any",
        }
    }
}

/// What an event trigger waits for.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The source: `lead`, `conversation`, a watched one, or `event` for emitted ones.
    pub source: String,
    /// The event. Emitted events are no row events: theirs is `Any`.
    pub event: Event,
    /// On UPDATE fire only if one of these columns changed; empty: any.
    pub columns: Vec<String>,
    /// Conditions over `new`, `old`, `changed` (of an emitted event over `event`, `payload`, `source`,
    /// `correlation_id`), and `trigger`.
    pub conditions: Option<Condition>,
}

/// The configuration of a trigger that counts: the trigger node's own (camelCase or snake_case) with the row's
/// `trigger_config` over it, key by key, in snake_case.
///
/// The node is the only one of the type that serves `trigger_type`, or the only trigger node at all; where several
/// could be meant, only the row counts. Keys that only the editor knows (`label` ...) are left out of a node without
/// `config`.
pub fn resolve(trigger_type: &str, trigger_config: &Value, nodes: &Value) -> Value {
    let mut resolved = Map::new();
    if let Some(own) = own_config(trigger_type, nodes) {
        merge(&mut resolved, own);
    }
    if let Some(row) = trigger_config.as_object() {
        merge(&mut resolved, row);
    }
    Value::Object(resolved)
}

/// What the editor keeps in `data` beside the configuration.
const DATA: &[&str] = &[
    "label",
    "config",
    "disabled",
    "retry",
    "timeoutMs",
    "onError",
    "onInterrupted",
    "pinnedOutput",
    "outputVariable",
];

fn own_config<'n>(trigger_type: &str, nodes: &'n Value) -> Option<&'n Map<String, Value>> {
    let kind = |node: &'n Value| node.get("type").and_then(Value::as_str);
    let wanted = format!("trigger-{}", trigger_type.replace('_', "-"));
    let all = || nodes.as_array().into_iter().flatten();
    let only = |mut found: Vec<&'n Value>| if found.len() == 1 { found.pop() } else { None };
    let same: Vec<_> = all().filter(|node| kind(node) == Some(&wanted)).collect();
    let node = if same.is_empty() {
        only(
            all()
                .filter(|node| kind(node).is_some_and(|kind| kind.starts_with("trigger-")))
                .collect(),
        )
    } else {
        only(same)
    };
    let data = node?.get("data")?;
    data.get("config").unwrap_or(data).as_object()
}

fn merge(resolved: &mut Map<String, Value>, config: &Map<String, Value>) {
    for (key, value) in config {
        // An empty field of the editor is no setting.
        if DATA.contains(&key.as_str()) || value.is_null() {
            continue;
        }
        resolved.insert(snake_case(key), value.clone());
    }
}

/// A setting of a resolved configuration that is text, trimmed; null, an empty text and a missing key say nothing.
fn text<'c>(resolved: &'c Value, key: &str) -> Result<Option<&'c str>, Problem> {
    match resolved.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(must_be(key, "text")),
    }
}

/// A setting of a resolved configuration that is true or false; null and a missing key say nothing.
fn flag(resolved: &Value, key: &str) -> Result<Option<bool>, Problem> {
    match resolved.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(must_be(key, "true or false")),
    }
}

fn must_be(key: &str, what: &str) -> Problem {
    Problem::error("trigger_config", None, format!("`{key}` must be {what}"))
}

/// `eventType` as `event_type`; snake_case stays.
fn snake_case(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    for character in key.chars() {
        if character.is_ascii_uppercase() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            out.push(character.to_ascii_lowercase());
        } else {
            out.push(character);
        }
    }
    out
}

impl Listener {
    /// Reads a listener from a resolved configuration. `None`: the trigger stays silent, because `event_source` or
    /// `event_type` is not there (for emitted events: `event_name`).
    ///
    /// # Errors
    /// An unknown event type, columns that are no list of names, a condition that is refused.
    pub fn from_config(resolved: &Value) -> Result<Option<Listener>, Problem> {
        let problem = |message: String| Problem::error("trigger_config", None, message);
        let Some(source) = text(resolved, "event_source")? else {
            return Ok(None);
        };
        let event = match text(resolved, "event_type")? {
            Some(name) => Event::find(name).ok_or_else(|| {
                let shown: String = name.chars().take(40).collect();
                problem(format!(
                    "`event_type` is INSERT, UPDATE, DELETE or any, not `{shown}`"
                ))
            })?,
            None if source == "event" => Event::Any,
            None => return Ok(None),
        };
        if source == "event" {
            match text(resolved, "event_name")? {
                None => return Ok(None),
                Some(name) if name.chars().count() > MAX_EVENT_NAME => {
                    return Err(problem("`event_name` has up to 200 characters".to_owned()));
                }
                Some(_) => {}
            }
            // they are about a record, which an emitted event has not
            let entry = crate::options::Entry::from_config(resolved)?;
            if entry.re_entry != crate::options::ReEntry::Always || entry.debounce.is_some() {
                return Err(problem(
                    "`re_entry` and `debounce_seconds` are for changes of rows, not for emitted events"
                        .to_owned(),
                ));
            }
        }
        flag(resolved, "keep")?; // the database reads it where changes become executions
        let columns = match resolved.get("columns") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(names)) => names
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .filter(|names| names.len() <= MAX_COLUMNS)
                .ok_or_else(|| problem("`columns` must be a list of column names".to_owned()))?,
            Some(_) => return Err(problem("`columns` must be a list of column names".to_owned())),
        };
        let conditions = match resolved.get("conditions") {
            None => None,
            Some(conditions) if is_nothing(conditions) => None,
            Some(conditions) => Some(
                Condition::parse(conditions).map_err(|error| problem(format!("`conditions`: {error}")))?,
            ),
        };
        Ok(Some(Listener {
            source: source.to_owned(),
            event,
            columns,
            conditions,
        }))
    }

    /// Whether it waits for this event with these changed columns (which count for UPDATE only).
    pub fn wants(&self, event: Event, changed: &[String]) -> bool {
        let wanted = match self.event {
            // As in the base schema: a conversation that is deleted takes its messages with it.
            Event::Any => !(event == Event::Delete && self.source == "conversation"),
            own => own == event,
        };
        let columns = event != Event::Update
            || self.columns.is_empty()
            || self.columns.iter().any(|column| changed.contains(column));
        wanted && columns
    }

    /// Whether its conditions hold for this trigger data (`{event, source, table, old, new, changed, timestamp}`),
    /// whose parts are names of their own in them. What cannot be evaluated does not hold.
    pub fn matches(&self, trigger_data: &Value) -> bool {
        match &self.conditions {
            Some(conditions) => conditions.evaluate(&TriggerNames(trigger_data)).value,
            None => true,
        }
    }
}

/// No condition at all, in one of the forms in which an editor saves that.
fn is_nothing(conditions: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let part = |name: &str| conditions.get(name).is_none_or(empty);
    empty(conditions) || (conditions.is_object() && part("rules") && part("expression"))
}

/// `trigger` and the parts of the trigger data.
struct TriggerNames<'t>(&'t Value);

impl Names for TriggerNames<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            "trigger" => Some(Cow::Borrowed(self.0)),
            name => self.0.get(name).map(Cow::Borrowed),
        }
    }
}
