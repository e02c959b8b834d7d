//! Filters on numbers.

use std::borrow::Cow;

use serde_json::Value;

use super::{Input, Output};
use crate::template::budget::Trouble;
use crate::template::number::Num;
use crate::template::value::kind;

/// The value as a number; text is read as one.
fn read(value: &Value) -> Option<Num> {
    match value {
        Value::String(text) => Num::read(text),
        Value::Bool(truth) => Some(Num::Whole(i128::from(*truth))),
        other => Num::of(other),
    }
}

fn needs(filter: &str, value: &Value) -> Trouble {
    Trouble::new(format!(
        "`{filter}` needs a number, not {}; give it a default",
        kind(value)
    ))
}

fn owned<'s>(number: Num) -> Output<'s> {
    number.value().map(Cow::Owned)
}

pub(super) fn int<'s>(mut input: Input<'s, '_>) -> Output<'s> {
    match read(&input.value) {
        Some(Num::Whole(whole)) => owned(Num::Whole(whole)),
        // Larger floats saturate at 128 bits, and are refused as passing 64.
        Some(Num::Float(float)) => owned(Num::Whole(float.trunc() as i128)),
        None => match input.arguments.get_mut(0).and_then(Option::take) {
            Some(default) => Ok(default),
            None => Err(needs("int", &input.value)),
        },
    }
}

pub(super) fn float<'s>(mut input: Input<'s, '_>) -> Output<'s> {
    match read(&input.value) {
        Some(number) => owned(Num::Float(number.float())),
        None => match input.arguments.get_mut(0).and_then(Option::take) {
            Some(default) => Ok(default),
            None => Err(needs("float", &input.value)),
        },
    }
}

pub(super) fn abs<'s>(input: Input<'s, '_>) -> Output<'s> {
    match Num::of(&input.value) {
        Some(Num::Whole(whole)) => owned(Num::Whole(whole.abs())),
        Some(Num::Float(float)) => owned(Num::Float(float.abs())),
        None => Err(needs("abs", &input.value)),
    }
}

/// Rounds to `precision` digits behind the point, half away from zero; `method` may be `ceil` or `floor`.
pub(super) fn round<'s>(input: Input<'s, '_>) -> Output<'s> {
    // A floating number has no more digits than this.
    let precision = input.whole(0)?.unwrap_or(0).clamp(-15, 15);
    let method = input.text(1)?;
    let number = match Num::of(&input.value) {
        Some(Num::Whole(whole)) if precision >= 0 => return owned(Num::Whole(whole)),
        Some(number) => number.float(),
        None => return Err(needs("round", &input.value)),
    };
    let factor = 10_f64.powi(i32::try_from(precision).unwrap_or(0));
    let scaled = number * factor;
    if !scaled.is_finite() {
        return owned(Num::Float(number));
    }
    let rounded = match method.as_deref() {
        None | Some("common") => scaled.round(),
        Some("ceil") => scaled.ceil(),
        Some("floor") => scaled.floor(),
        Some(_) => {
            return Err(Trouble::new(
                "`round` knows the methods `common`, `ceil` and `floor`",
            ));
        }
    };
    owned(Num::Float(rounded / factor))
}
