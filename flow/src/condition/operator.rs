//! The operators of conditions. Comparing what cannot be compared is false; the `not_` operators are the opposite
//! of theirs, so that they are true then.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use crate::moment::Moment;
use crate::template::budget::{Budget, Trouble};
use crate::template::number::Num;
use crate::template::value::{equal, order};

/// An operator, by its name in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Gt,
    Gte,
    Lt,
    Lte,
    IsEmpty,
    IsNotEmpty,
    IsNull,
    IsNotNull,
    In,
    NotIn,
    MatchesRegex,
    IsTrue,
    IsFalse,
    Before,
    After,
    Changed,
}

/// Every operator with its name.
const OPERATORS: &[(&str, Operator)] = &[
    ("equals", Operator::Equals),
    ("not_equals", Operator::NotEquals),
    ("contains", Operator::Contains),
    ("not_contains", Operator::NotContains),
    ("starts_with", Operator::StartsWith),
    ("ends_with", Operator::EndsWith),
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("is_empty", Operator::IsEmpty),
    ("is_not_empty", Operator::IsNotEmpty),
    ("is_null", Operator::IsNull),
    ("is_not_null", Operator::IsNotNull),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
    ("matches_regex", Operator::MatchesRegex),
    ("is_true", Operator::IsTrue),
    ("is_false", Operator::IsFalse),
    ("before", Operator::Before),
    ("after", Operator::After),
    ("changed", Operator::Changed),
];

impl Operator {
    pub(super) fn find(name: &str) -> Option<Operator> {
        OPERATORS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, operator)| *operator)
    }

    /// Every name, for messages.
    pub(super) fn names() -> String {
        OPERATORS
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Whether it compares with a value.
    pub(super) fn takes_value(self) -> bool {
        !matches!(
            self,
            Operator::IsEmpty
                | Operator::IsNotEmpty
                | Operator::IsNull
                | Operator::IsNotNull
                | Operator::IsTrue
                | Operator::IsFalse
                | Operator::Changed
        )
    }

    /// Whether it asks just for what may be missing, so that a missing field is nothing to warn of.
    pub(super) fn takes_missing(self) -> bool {
        matches!(
            self,
            Operator::IsEmpty
                | Operator::IsNotEmpty
                | Operator::IsNull
                | Operator::IsNotNull
                | Operator::Changed
        )
    }

    /// Whether it holds. `changed` and `matches_regex` are decided by the rule, which knows more.
    pub(super) fn holds(self, field: &Value, value: &Value, budget: &Budget) -> Result<bool, Trouble> {
        Ok(match self {
            Operator::Equals => same(field, value, budget)?,
            Operator::NotEquals => !same(field, value, budget)?,
            Operator::Contains => contains(field, value, budget)?,
            Operator::NotContains => !contains(field, value, budget)?,
            Operator::StartsWith => texts(field, value, budget, |text, part| text.starts_with(part))?,
            Operator::EndsWith => texts(field, value, budget, |text, part| text.ends_with(part))?,
            Operator::Gt => ordered(field, value, budget)? == Some(Ordering::Greater),
            Operator::Gte => ordered(field, value, budget)?.is_some_and(Ordering::is_ge),
            Operator::Lt => ordered(field, value, budget)? == Some(Ordering::Less),
            Operator::Lte => ordered(field, value, budget)?.is_some_and(Ordering::is_le),
            Operator::IsEmpty => is_empty(field),
            Operator::IsNotEmpty => !is_empty(field),
            Operator::IsNull => field.is_null(),
            Operator::IsNotNull => !field.is_null(),
            Operator::In => is_in(field, value, budget)?,
            Operator::NotIn => !is_in(field, value, budget)?,
            Operator::IsTrue => says(field, true),
            Operator::IsFalse => says(field, false),
            Operator::Before => moments(field, value, |field, value| field < value),
            Operator::After => moments(field, value, |field, value| field > value),
            Operator::MatchesRegex | Operator::Changed => false,
        })
    }
}

/// Equality where a text that says a number equals the number, and `true` the value true.
fn same(a: &Value, b: &Value, budget: &Budget) -> Result<bool, Trouble> {
    match (a, b) {
        (Value::Number(_), Value::String(_)) | (Value::String(_), Value::Number(_)) => {
            Ok(order(a, b, budget)? == Some(Ordering::Equal))
        }
        (Value::Bool(truth), Value::String(_)) => Ok(says(b, *truth)),
        (Value::String(_), Value::Bool(truth)) => Ok(says(a, *truth)),
        _ => equal(a, b, budget),
    }
}

/// Order, where two texts that both say numbers are compared as numbers.
fn ordered(a: &Value, b: &Value, budget: &Budget) -> Result<Option<Ordering>, Trouble> {
    if let (Value::String(a), Value::String(b)) = (a, b)
        && let (Some(a), Some(b)) = (Num::read(a), Num::read(b))
    {
        return Ok(a.order(b));
    }
    order(a, b, budget)
}

fn contains(whole: &Value, part: &Value, budget: &Budget) -> Result<bool, Trouble> {
    match whole {
        Value::Array(items) => any_same(items, part, budget),
        Value::Object(entries) => Ok(part.as_str().is_some_and(|key| entries.contains_key(key))),
        whole => texts(whole, part, budget, |whole, part| whole.contains(part)),
    }
}

/// In a list, or in a text such as `new, open, won`.
fn is_in(field: &Value, list: &Value, budget: &Budget) -> Result<bool, Trouble> {
    match list {
        Value::Array(items) => any_same(items, field, budget),
        Value::String(text) => {
            budget.look(text.len())?;
            let Some(field) = scalar(field) else {
                return Ok(false);
            };
            for item in text.split(',') {
                // Compared as text or as numbers, whichever says that they are the same.
                let numbers = Num::read(item).zip(Num::read(&field));
                budget.look(item.len())?;
                if item.trim() == field || numbers.is_some_and(|(a, b)| a.order(b) == Some(Ordering::Equal)) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn any_same(items: &[Value], value: &Value, budget: &Budget) -> Result<bool, Trouble> {
    for item in items {
        if same(item, value, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Text, and numbers as they are written: postal codes are often numbers.
pub(super) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        _ => None,
    }
}

fn texts(a: &Value, b: &Value, budget: &Budget, test: fn(&str, &str) -> bool) -> Result<bool, Trouble> {
    let (Some(a), Some(b)) = (scalar(a), scalar(b)) else {
        return Ok(false);
    };
    budget.look(a.len().saturating_add(b.len()))?;
    Ok(test(&a, &b))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn says(value: &Value, wanted: bool) -> bool {
    match value {
        Value::Bool(truth) => *truth == wanted,
        Value::String(text) => text.eq_ignore_ascii_case(if wanted { "true" } else { "false" }),
        _ => false,
    }
}

fn moments(a: &Value, b: &Value, test: fn(Moment, Moment) -> bool) -> bool {
    match (Moment::read(a), Moment::read(b)) {
        (Some(a), Some(b)) => test(a, b),
        _ => false,
    }
}
