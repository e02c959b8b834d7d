//! The shape of what a node asks for: all that its statement depends on, and none of its values.
//!
//! Two that have the same shape must be the same statement, so whatever is in doubt belongs to the shape or has none:
//! then the statement is made for this one time.

use pgrx::AnyElement;
use serde_json::{Value, json};

use crate::jsonb;

/// Larger ones are not looked into.
const BYTES: usize = 256 << 10;

/// Of a `where`: columns and operators, and of values whether they are null or a list (`node_where`).
pub fn of_filter(filter: Option<AnyElement>) -> Option<Value> {
    let kind = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "null",
        Some(Value::Array(_)) => "array",
        Some(_) => "one",
    };
    let is_none = filter.is_none();
    Some(match read(filter)? {
        Value::Object(filter) => {
            let mut columns: Vec<(&String, &str)> = (filter.iter())
                .map(|(column, value)| (column, kind(Some(value))))
                .collect();
            columns.sort_unstable();
            json!({ "columns": columns })
        }
        Value::Array(rules) => {
            let rules = rules.iter().map(|rule| {
                let rule = rule.as_object()?;
                Some(json!([
                    rule.get("column"),
                    rule.get("operator"),
                    kind(rule.get("value"))
                ]))
            });
            json!({ "rules": rules.collect::<Option<Vec<_>>>()? })
        }
        Value::Null if is_none => Value::Null,
        _ => return None,
    })
}

/// Of the values of a row: the columns, and whether they are null (the owner's is filled then).
pub fn of_values(given: Option<AnyElement>) -> Option<Value> {
    Some(match read(given)? {
        Value::Object(given) => {
            let mut columns: Vec<(&String, bool)> = (given.iter())
                .map(|(column, value)| (column, value.is_null()))
                .collect();
            columns.sort_unstable();
            json!(columns)
        }
        Value::Null if given.is_none() => Value::Null,
        _ => return None,
    })
}

/// All of it.
pub fn whole(value: Option<AnyElement>) -> Option<Value> {
    read(value)
}

/// The null of JSON.
pub fn is_null(value: AnyElement) -> bool {
    read(Some(value)) == Some(Value::Null)
}

/// `{}`.
pub fn is_empty_object(value: AnyElement) -> bool {
    read(Some(value)).is_some_and(|value| value.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Null where there is none; nothing where this program cannot hold it.
fn read(value: Option<AnyElement>) -> Option<Value> {
    let Some(value) = value else {
        return Some(Value::Null);
    };
    let text = jsonb::short_text_of(value.datum(), BYTES).ok()?;
    serde_json::from_str(&text).ok()
}
