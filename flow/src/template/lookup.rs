//! Parts of values: attributes, items, slices, and whether a value is in another.

use std::borrow::Cow;

use serde_json::Value;

use super::budget::{Budget, Trouble};
use super::value::{equal, kind, own, text};

/// `value.name`.
pub(crate) fn attribute<'s>(
    value: Cow<'s, Value>,
    name: &str,
    budget: &Budget,
) -> Result<Option<Cow<'s, Value>>, Trouble> {
    // A path may name an item by its number: `rows.0.id`.
    match (&*value, name.parse::<i64>()) {
        (Value::Array(_) | Value::String(_), Ok(index)) => return item(value, &Value::from(index), budget),
        _ => budget.look(name.len())?,
    }
    Ok(match value {
        Cow::Borrowed(value) => value
            .as_object()
            .and_then(|entries| entries.get(name))
            .map(Cow::Borrowed),
        Cow::Owned(Value::Object(mut entries)) => entries.remove(name).map(Cow::Owned),
        Cow::Owned(_) => None,
    })
}

/// `value[key]`; negative numbers count from the end.
pub(crate) fn item<'s>(
    value: Cow<'s, Value>,
    key: &Value,
    budget: &Budget,
) -> Result<Option<Cow<'s, Value>>, Trouble> {
    match (&*value, key) {
        (Value::Object(_), key) => {
            let key = text(key, budget)?.into_owned();
            attribute(value, &key, budget)
        }
        (Value::Array(items), key) => {
            let Some(position) = key.as_i64().and_then(|index| position(index, items.len())) else {
                return Ok(None);
            };
            Ok(match value {
                Cow::Borrowed(Value::Array(items)) => items.get(position).map(Cow::Borrowed),
                Cow::Owned(Value::Array(mut items)) => {
                    (position < items.len()).then(|| Cow::Owned(items.swap_remove(position)))
                }
                _ => None,
            })
        }
        (Value::String(text), key) => {
            budget.look(text.len())?;
            let Some(index) = key.as_i64() else {
                return Ok(None);
            };
            let found = match usize::try_from(index) {
                Ok(index) => text.chars().nth(index),
                Err(_) => usize::try_from(-(index + 1))
                    .ok()
                    .and_then(|back| text.chars().rev().nth(back)),
            };
            Ok(found.map(|found| Cow::Owned(Value::String(found.to_string()))))
        }
        _ => Ok(None),
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// `value[start:stop:step]` of a list or a text.
pub(crate) fn slice(
    value: &Value,
    start: Option<&Value>,
    stop: Option<&Value>,
    step: Option<&Value>,
    budget: &Budget,
) -> Result<Value, Trouble> {
    let number = |bound: Option<&Value>| match bound {
        None | Some(Value::Null) => Ok(None),
        Some(bound) => match bound.as_i64() {
            Some(bound) => Ok(Some(i128::from(bound))),
            None => Err(Trouble::new(format!(
                "the bounds of a slice are whole numbers, not {}",
                kind(bound)
            ))),
        },
    };
    let (start, stop, step) = (number(start)?, number(stop)?, number(step)?.unwrap_or(1));
    if step == 0 {
        return Err(Trouble::new("the step of a slice cannot be 0"));
    }
    match value {
        Value::Null => Ok(Value::Null),
        Value::Array(items) => {
            let mut out = Vec::new();
            for index in indexes(start, stop, step, items.len()) {
                let Some(item) = items.get(index) else { continue };
                budget.hold(2 * size_of::<Value>())?;
                out.push(own(Cow::Borrowed(item), budget)?);
            }
            Ok(Value::Array(out))
        }
        Value::String(text) => {
            // The characters by number: four bytes each.
            budget.hold(text.len().saturating_mul(8))?;
            let characters: Vec<char> = text.chars().collect();
            let mut out = String::new();
            for index in indexes(start, stop, step, characters.len()) {
                budget.work(1)?;
                out.extend(characters.get(index));
            }
            Ok(Value::String(out))
        }
        other => Err(Trouble::new(format!(
            "only lists and text have slices, not {}",
            kind(other)
        ))),
    }
}

/// The positions that a slice takes, as in Python.
fn indexes(
    start: Option<i128>,
    stop: Option<i128>,
    step: i128,
    length: usize,
) -> impl Iterator<Item = usize> {
    let length = length as i128;
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: i128| (if bound < 0 { bound + length } else { bound }).clamp(low, high);
    let start = start.map_or(if step > 0 { low } else { high }, place);
    let stop = stop.map_or(if step > 0 { high } else { low }, place);
    let going = move |index: &i128| if step > 0 { *index < stop } else { *index > stop };
    std::iter::successors(Some(start), move |index| Some(index + step))
        .take_while(going)
        .filter_map(|index| usize::try_from(index).ok())
}

/// Whether `part` is in `whole`: an item of a list, a part of a text, a key of an object.
pub(crate) fn contains(whole: &Value, part: &Value, budget: &Budget) -> Result<bool, Trouble> {
    match whole {
        Value::Array(items) => {
            for item in items {
                if equal(item, part, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::String(whole) => match part {
            Value::Null | Value::Array(_) | Value::Object(_) => Ok(false),
            part => {
                let part = text(part, budget)?;
                budget.look(whole.len().saturating_add(part.len()))?;
                Ok(whole.contains(&*part))
            }
        },
        Value::Object(entries) => {
            let Value::String(key) = part else {
                return Ok(false);
            };
            budget.look(key.len())?;
            Ok(entries.contains_key(key))
        }
        _ => Ok(false),
    }
}
