//! Filters on objects, and `default`.

use std::borrow::Cow;

use serde_json::Value;

use super::{Input, Output};
use crate::template::budget::Trouble;
use crate::template::lookup;
use crate::template::value::{kind, own, truth};

/// What to take instead of what is missing or null; with `boolean` also instead of what is empty or false.
pub(super) fn default<'s>(mut input: Input<'s, '_>) -> Output<'s> {
    let empty = input.missing || input.value.is_null() || (input.flag(1) && !truth(&input.value));
    if !empty {
        return Ok(input.value);
    }
    let default = input.arguments.get_mut(0).and_then(Option::take);
    Ok(default.unwrap_or_else(|| Cow::Owned(Value::String(String::new()))))
}

pub(super) fn get<'s>(mut input: Input<'s, '_>) -> Output<'s> {
    let key = input
        .arguments
        .get_mut(0)
        .and_then(Option::take)
        .unwrap_or_default();
    let default = input.arguments.get_mut(1).and_then(Option::take);
    let found = lookup::item(input.value, &key, input.budget)?;
    Ok(found.or(default).unwrap_or_default())
}

fn pairs<'s>(
    input: Input<'s, '_>,
    name: &str,
    part: fn(&str, &Value, &Input<'_, '_>) -> Result<Value, Trouble>,
) -> Output<'s> {
    let mut out = Vec::new();
    match &*input.value {
        Value::Null => {}
        Value::Object(entries) => {
            for (key, value) in entries {
                input.budget.hold(2 * size_of::<Value>())?;
                out.push(part(key, value, &input)?);
            }
        }
        other => {
            return Err(Trouble::new(format!(
                "`{name}` needs an object, not {}",
                kind(other)
            )));
        }
    }
    Ok(Cow::Owned(Value::Array(out)))
}

fn text(key: &str, input: &Input<'_, '_>) -> Result<Value, Trouble> {
    input.budget.hold(key.len())?;
    Ok(Value::from(key))
}

pub(super) fn keys<'s>(input: Input<'s, '_>) -> Output<'s> {
    pairs(input, "keys", |key, _, input| text(key, input))
}

pub(super) fn values<'s>(input: Input<'s, '_>) -> Output<'s> {
    pairs(input, "values", |_, value, input| {
        own(Cow::Borrowed(value), input.budget)
    })
}

/// The entries as `[key, value]`.
pub(super) fn items<'s>(input: Input<'s, '_>) -> Output<'s> {
    pairs(input, "items", |key, value, input| {
        input.budget.hold(2 * size_of::<Value>())?;
        Ok(Value::Array(vec![
            text(key, input)?,
            own(Cow::Borrowed(value), input.budget)?,
        ]))
    })
}
