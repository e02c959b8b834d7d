//! What values mean in a template: truth, equality, order, text; each paid for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io;

use serde_json::Value;

use super::budget::{Budget, Trouble, VALUE_DEPTH};
use super::number::Num;

/// What a map costs for each six entries: a node of the B-tree behind it (eleven slots, half of them used).
const MAP_NODE: usize = 700;

/// The kind of a value, for messages.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing (null)",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Empty values, zero, false and null are false.
pub(crate) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

/// Pays for walking through a value and gives the bytes that a copy of it takes.
pub(crate) fn measure(value: &Value, budget: &Budget) -> Result<usize, Trouble> {
    measure_at(value, budget, 0)
}

fn measure_at(value: &Value, budget: &Budget, depth: usize) -> Result<usize, Trouble> {
    if depth > VALUE_DEPTH {
        return Err(Trouble::Budget("reads a value that is nested too deeply"));
    }
    budget.work(1)?;
    let mut bytes = size_of::<Value>();
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            budget.look(text.len())?;
            bytes += text.len();
        }
        Value::Array(items) => {
            for item in items {
                bytes += measure_at(item, budget, depth + 1)?;
            }
        }
        Value::Object(entries) => {
            bytes += entries.len().div_ceil(6) * MAP_NODE;
            for (key, item) in entries {
                bytes += key.len() + measure_at(item, budget, depth + 1)?;
            }
        }
    }
    Ok(bytes)
}

/// The value itself; a borrowed one is copied, and the copy paid for.
pub(crate) fn own(value: Cow<'_, Value>, budget: &Budget) -> Result<Value, Trouble> {
    match value {
        Cow::Owned(value) => Ok(value),
        Cow::Borrowed(value) => {
            budget.hold(measure(value, budget)?)?;
            Ok(value.clone())
        }
    }
}

/// Appends a value as text: null is empty, lists and objects are JSON.
pub(crate) fn write(value: &Value, out: &mut String, budget: &Budget) -> Result<(), Trouble> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => budget.push(out, text),
        other => write_json(other, out, budget),
    }
}

/// A value as text; text itself is not copied.
pub(crate) fn text<'v>(value: &'v Value, budget: &Budget) -> Result<Cow<'v, str>, Trouble> {
    match value {
        Value::Null => Ok(Cow::Borrowed("")),
        Value::String(text) => Ok(Cow::Borrowed(text)),
        other => {
            let mut out = String::new();
            write_json(other, &mut out, budget)?;
            Ok(Cow::Owned(out))
        }
    }
}

/// Appends a value as compact JSON.
pub(crate) fn write_json(value: &Value, out: &mut String, budget: &Budget) -> Result<(), Trouble> {
    // The writer of serde_json recurses: the walk before it bounds the depth.
    measure(value, budget)?;
    let mut paid = Paid {
        out,
        budget,
        trouble: None,
    };
    let written = serde_json::to_writer(&mut paid, value);
    match (paid.trouble, written) {
        (Some(trouble), _) => Err(trouble),
        (None, Ok(())) => Ok(()),
        (None, Err(_)) => Err(Trouble::new("a value cannot be written as JSON")),
    }
}

/// A writer that stops when the budget does.
struct Paid<'p> {
    out: &'p mut String,
    budget: &'p Budget,
    trouble: Option<Trouble>,
}

impl io::Write for Paid<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        match self.budget.push(self.out, text) {
            Ok(()) => Ok(bytes.len()),
            Err(trouble) => {
                self.trouble = Some(trouble);
                Err(io::Error::other("budget"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Equality as in JSON, where 1 and 1.0 are the same number.
pub(crate) fn equal(a: &Value, b: &Value, budget: &Budget) -> Result<bool, Trouble> {
    equal_at(a, b, budget, 0)
}

fn equal_at(a: &Value, b: &Value, budget: &Budget, depth: usize) -> Result<bool, Trouble> {
    if depth > VALUE_DEPTH {
        return Err(Trouble::Budget("compares values that are nested too deeply"));
    }
    budget.work(1)?;
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            budget.look(a.len().min(b.len()))?;
            Ok(a == b)
        }
        (Value::Number(_), Value::Number(_)) => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => Ok(a.order(b) == Some(Ordering::Equal)),
            _ => Ok(false),
        },
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal_at(a, b, budget, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, a) in a {
                budget.look(key.len())?;
                match b.get(key) {
                    Some(b) if equal_at(a, b, budget, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (a, b) => Ok(a == b),
    }
}

/// The order of two values; none where there is none. A text that says a number has an order with a number.
pub(crate) fn order(a: &Value, b: &Value, budget: &Budget) -> Result<Option<Ordering>, Trouble> {
    budget.work(1)?;
    Ok(match (a, b) {
        (Value::String(a), Value::String(b)) => {
            budget.look(a.len().min(b.len()))?;
            Some(a.cmp(b))
        }
        (Value::Number(_), Value::String(text)) => match (Num::of(a), Num::read(text)) {
            (Some(a), Some(b)) => a.order(b),
            _ => None,
        },
        (Value::String(text), Value::Number(_)) => match (Num::read(text), Num::of(b)) {
            (Some(a), Some(b)) => a.order(b),
            _ => None,
        },
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (a, b) => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => a.order(b),
            _ => None,
        },
    })
}
