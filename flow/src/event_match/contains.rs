//! Containment as `jsonb @>` has it: each key of an object, each element of a list in any order and number.

use serde_json::{Map, Value};

use crate::template::{
    budget::{Budget, Trouble, VALUE_DEPTH},
    value::equal,
};

/// Whether `whole` contains `part`. Paid for: a long list in a long list is a product.
pub(super) fn contains(whole: &Value, part: &Value, budget: &Budget) -> Result<bool, Trouble> {
    match (whole, part) {
        // At the top, and only there, a list contains a bare value as if it were a list of one.
        (Value::Array(items), part) if !part.is_array() && !part.is_object() => {
            is_among(items, part, budget, 0)
        }
        _ => contains_at(whole, part, budget, 0),
    }
}

fn contains_at(whole: &Value, part: &Value, budget: &Budget, depth: usize) -> Result<bool, Trouble> {
    if depth > VALUE_DEPTH {
        return Err(Trouble::Budget("compares values that are nested too deeply"));
    }
    budget.work(1)?;
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => entries(whole, part, budget, depth),
        (Value::Array(whole), Value::Array(part)) => {
            for wanted in part {
                if !is_among(whole, wanted, budget, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(_) | Value::Array(_), _) => Ok(false),
        (whole, part) => equal(whole, part, budget),
    }
}

fn entries(
    whole: &Map<String, Value>,
    part: &Map<String, Value>,
    budget: &Budget,
    depth: usize,
) -> Result<bool, Trouble> {
    for (key, wanted) in part {
        budget.look(key.len())?;
        match whole.get(key) {
            Some(value) if contains_at(value, wanted, budget, depth + 1)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn is_among(items: &[Value], wanted: &Value, budget: &Budget, depth: usize) -> Result<bool, Trouble> {
    for item in items {
        if contains_at(item, wanted, budget, depth)? {
            return Ok(true);
        }
    }
    Ok(false)
}
