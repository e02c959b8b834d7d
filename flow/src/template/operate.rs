//! Arithmetic and comparison of values.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::budget::{Budget, Trouble};
use super::lookup;
use super::number::{Num, calculate};
use super::tree::{Calculation, Comparison};
use super::value::{equal, kind, order, own};

/// `left op right`: numbers, and `+` of two texts or two lists.
pub(crate) fn arithmetic(
    op: Calculation,
    left: &Value,
    right: &Value,
    budget: &Budget,
) -> Result<Value, Trouble> {
    if let (Some(left), Some(right)) = (Num::of(left), Num::of(right)) {
        return calculate(op, left, right);
    }
    match (op, left, right) {
        (Calculation::Add, Value::String(left), Value::String(right)) => {
            let mut out = String::new();
            budget.push(&mut out, left)?;
            budget.push(&mut out, right)?;
            Ok(Value::String(out))
        }
        (Calculation::Add, Value::Array(left), Value::Array(right)) => {
            let mut out = Vec::new();
            for item in left.iter().chain(right) {
                budget.hold(2 * size_of::<Value>())?;
                out.push(own(Cow::Borrowed(item), budget)?);
            }
            Ok(Value::Array(out))
        }
        (Calculation::Add, ..) => Err(Trouble::new(format!(
            "`+` cannot add {} and {}; `~` joins text, `default(0)` stands for what is missing",
            kind(left),
            kind(right)
        ))),
        _ => Err(Trouble::new(format!(
            "calculating needs numbers, not {} and {}; `| float` reads text as a number, `default(0)` stands for \
             what is missing",
            kind(left),
            kind(right)
        ))),
    }
}

/// Compares; what has no order is never less or greater.
pub(crate) fn compare(op: Comparison, left: &Value, right: &Value, budget: &Budget) -> Result<bool, Trouble> {
    Ok(match op {
        Comparison::Equal => equal(left, right, budget)?,
        Comparison::NotEqual => !equal(left, right, budget)?,
        Comparison::Less => order(left, right, budget)? == Some(Ordering::Less),
        Comparison::Greater => order(left, right, budget)? == Some(Ordering::Greater),
        Comparison::LessOrEqual => order(left, right, budget)?.is_some_and(Ordering::is_le),
        Comparison::GreaterOrEqual => order(left, right, budget)?.is_some_and(Ordering::is_ge),
        Comparison::In => lookup::contains(right, left, budget)?,
        Comparison::NotIn => !lookup::contains(right, left, budget)?,
    })
}
