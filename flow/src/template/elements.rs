//! The elements of a value, as `for` and the filters on lists see them.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::budget::{Budget, Trouble};
use super::lookup;
use super::number::Num;
use super::value::kind;

/// The items of a list, the keys of an object, the characters of a text; of null none.
pub(crate) fn elements<'s>(value: Cow<'s, Value>, budget: &Budget) -> Result<Vec<Cow<'s, Value>>, Trouble> {
    const SIZE: usize = size_of::<Cow<'_, Value>>();
    match value {
        Cow::Borrowed(Value::Array(items)) => {
            budget.hold(items.len() * SIZE)?;
            budget.work(items.len())?;
            Ok(items.iter().map(Cow::Borrowed).collect())
        }
        Cow::Owned(Value::Array(items)) => {
            budget.hold(items.len() * SIZE)?;
            budget.work(items.len())?;
            Ok(items.into_iter().map(Cow::Owned).collect())
        }
        other => match &*other {
            Value::Null => Ok(Vec::new()),
            Value::Object(entries) => {
                let keys: usize = entries.keys().map(String::len).sum();
                budget.hold(entries.len() * SIZE + keys)?;
                budget.work(entries.len())?;
                Ok(entries
                    .keys()
                    .map(|key| Cow::Owned(Value::from(key.as_str())))
                    .collect())
            }
            Value::String(text) => {
                // Each character becomes a text of its own.
                budget.hold(text.len().saturating_mul(2 * (SIZE + 4)))?;
                budget.work(text.len())?;
                Ok(text
                    .chars()
                    .map(|character| Cow::Owned(Value::String(character.to_string())))
                    .collect())
            }
            other => Err(Trouble::new(format!(
                "only lists, objects and text have items, not {}",
                kind(other)
            ))),
        },
    }
}

/// The part of an element that `attribute='a.b'` names; the element itself without one. Missing parts are null.
pub(crate) fn part<'s>(
    element: &'s Value,
    attribute: Option<&str>,
    budget: &Budget,
) -> Result<Cow<'s, Value>, Trouble> {
    let mut current = Cow::Borrowed(element);
    for name in attribute.into_iter().flat_map(|path| path.split('.')) {
        budget.work(1)?;
        current = match lookup::attribute(current, name, budget)? {
            Some(found) => found,
            None => return Ok(Cow::Owned(Value::Null)),
        };
    }
    Ok(current)
}

/// Pays for sorting values: as many comparisons as a sort makes, a quarter of a unit each and what it looks at.
pub(crate) fn pay_for_sorting<'v>(
    values: impl ExactSizeIterator<Item = &'v Value>,
    budget: &Budget,
) -> Result<(), Trouble> {
    let rounds = (usize::BITS - values.len().leading_zeros()) as usize;
    let mut units = values.len() / 4 + 1;
    for value in values {
        units += value.as_str().map_or(0, str::len) / 16;
    }
    budget.work(units.saturating_mul(rounds))
}

/// An order of all values: null, false and true, numbers, text (without case unless told), the rest as it was.
pub(crate) fn sorting(a: &Value, b: &Value, case_sensitive: bool) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) | Value::Object(_) => 5,
    };
    match (a, b) {
        (Value::String(a), Value::String(b)) if case_sensitive => a.cmp(b),
        (Value::String(a), Value::String(b)) => a
            .chars()
            .flat_map(char::to_lowercase)
            .cmp(b.chars().flat_map(char::to_lowercase)),
        (Value::Number(_), Value::Number(_)) => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => a.order(b).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        },
        _ => rank(a).cmp(&rank(b)),
    }
}
