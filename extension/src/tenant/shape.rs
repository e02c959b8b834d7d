//! The shape of what a node asks for: all that its statement depends on, and none of its values.
//!
//! Two that have the same shape must be the same statement, so whatever is in doubt belongs to the shape or has none:
//! then the statement is made for this one time.

use pgrx::AnyElement;
use pgrx::datum::DatumWithOid;
use serde_json::{Value, json};

use crate::jsonb;

/// Larger ones are not looked into.
const BYTES: usize = 256 << 10;

/// An argument, looked into once.
pub struct Looked {
    argument: Option<AnyElement>,
    /// Null where there is none; nothing where this program cannot hold it.
    value: Option<Value>,
}

impl Looked {
    /// As PostgreSQL gave it.
    pub fn into(argument: Option<AnyElement>) -> Looked {
        let value = match argument {
            None => Some(Value::Null),
            Some(argument) => (jsonb::short_text_of(argument.datum(), BYTES).ok())
                .and_then(|text| serde_json::from_str(&text).ok()),
        };
        Looked { argument, value }
    }

    /// Made here, in the memory of this call.
    pub fn made(value: Value) -> Looked {
        Looked {
            argument: Some(jsonb::from_text(&value.to_string())),
            value: Some(value),
        }
    }

    /// None, where that stands for the null of JSON as well.
    pub fn or_none(self) -> Looked {
        match self.value {
            Some(Value::Null) => Looked::into(None),
            _ => self,
        }
    }

    /// None, or `{}`.
    pub fn is_empty(&self) -> bool {
        let is_empty_object = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
        self.argument.is_none() || self.value.as_ref().is_some_and(is_empty_object)
    }

    /// As an argument of a statement, untouched.
    pub fn passed_on(&self) -> DatumWithOid<'static> {
        jsonb::passed_on(self.argument)
    }

    /// Of a `where`: columns and operators, and of values whether they are null or a list (`node_where`).
    pub fn as_filter(&self) -> Option<Value> {
        let kind = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "null",
            Some(Value::Array(_)) => "array",
            Some(_) => "one",
        };
        Some(match self.value.as_ref()? {
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
            Value::Null if self.argument.is_none() => Value::Null,
            _ => return None,
        })
    }

    /// Of the values of a row: the columns, and whether they are null (the owner's is filled then).
    pub fn as_values(&self) -> Option<Value> {
        Some(match self.value.as_ref()? {
            Value::Object(given) => {
                let mut columns: Vec<(&String, bool)> = (given.iter())
                    .map(|(column, value)| (column, value.is_null()))
                    .collect();
                columns.sort_unstable();
                json!(columns)
            }
            Value::Null if self.argument.is_none() => Value::Null,
            _ => return None,
        })
    }

    /// All of it.
    pub fn whole(self) -> Option<Value> {
        self.value
    }
}
