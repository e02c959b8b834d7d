//! Numbers: whole ones of 64 bits, and floating ones that are always finite.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::budget::Trouble;
use super::tree::Calculation;

/// A number to calculate with. Whole ones are wider here than a value may be, so that a result shows whether it
/// still fits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Num {
    Whole(i128),
    Float(f64),
}

impl Num {
    /// The number that a value is; not what a text says.
    pub(crate) fn of(value: &Value) -> Option<Num> {
        let Value::Number(number) = value else { return None };
        if let Some(whole) = number.as_i64() {
            return Some(Num::Whole(whole.into()));
        }
        if let Some(whole) = number.as_u64() {
            return Some(Num::Whole(whole.into()));
        }
        number.as_f64().map(Num::Float)
    }

    /// The number that a text says, in the way of JSON with blanks around it and a plus allowed.
    pub(crate) fn read(text: &str) -> Option<Num> {
        let text = text.trim();
        // A number has no more characters than this; what is longer is not looked at.
        if text.is_empty()
            || text.len() > 400
            || !text.bytes().all(|c| c.is_ascii_digit() || b"+-.eE".contains(&c))
        {
            return None;
        }
        if let Ok(whole) = text.parse::<i128>() {
            // Beyond 64 bits a whole number would not survive being a value.
            return if fits(whole) {
                Some(Num::Whole(whole))
            } else {
                Some(Num::Float(whole as f64))
            };
        }
        text.parse::<f64>()
            .ok()
            .filter(|float| float.is_finite())
            .map(Num::Float)
    }

    /// As a floating number; large whole ones lose their last digits.
    pub(crate) fn float(self) -> f64 {
        match self {
            Num::Whole(whole) => whole as f64,
            Num::Float(float) => float,
        }
    }

    /// As a value.
    pub(crate) fn value(self) -> Result<Value, Trouble> {
        let number = match self {
            Num::Whole(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(small), _) => Some(Number::from(small)),
                (_, Ok(large)) => Some(Number::from(large)),
                _ => {
                    return Err(Trouble::new(
                        "a whole number passes 64 bits; write one side with a point, as `1.0`",
                    ));
                }
            },
            Num::Float(float) => Number::from_f64(float),
        };
        number
            .map(Value::Number)
            .ok_or_else(|| Trouble::new("the result of the calculation is not a finite number"))
    }

    /// The order of two numbers, exact also between whole and floating ones.
    pub(crate) fn order(self, other: Num) -> Option<Ordering> {
        match (self, other) {
            (Num::Whole(a), Num::Whole(b)) => Some(a.cmp(&b)),
            (Num::Whole(a), Num::Float(b)) => mixed(a, b),
            (Num::Float(a), Num::Whole(b)) => mixed(b, a).map(Ordering::reverse),
            (Num::Float(a), Num::Float(b)) => a.partial_cmp(&b),
        }
    }
}

fn fits(whole: i128) -> bool {
    i64::try_from(whole).is_ok() || u64::try_from(whole).is_ok()
}

fn mixed(whole: i128, float: f64) -> Option<Ordering> {
    // A float without a fraction below 2^100 is exactly a whole number; one with a fraction is below 2^53, where
    // whole numbers are exact as floats.
    if float.fract() == 0.0 && float.abs() < 1e30 {
        return Some(whole.cmp(&(float as i128)));
    }
    (whole as f64).partial_cmp(&float)
}

/// Calculates `left op right`.
pub(crate) fn calculate(op: Calculation, left: Num, right: Num) -> Result<Value, Trouble> {
    let zero = || Trouble::new("division by zero; test the divisor with `if` first");
    let too_large = || Trouble::new("a whole number passes 64 bits; write one side with a point, as `1.0`");
    if matches!(
        op,
        Calculation::Divide | Calculation::FloorDivide | Calculation::Remainder
    ) && right.float() == 0.0
    {
        return Err(zero());
    }
    let result = match (op, left, right) {
        // `/` always gives a floating number, as in Jinja.
        (Calculation::Divide, a, b) => Num::Float(a.float() / b.float()),
        (Calculation::Add, Num::Whole(a), Num::Whole(b)) => Num::Whole(a + b),
        (Calculation::Subtract, Num::Whole(a), Num::Whole(b)) => Num::Whole(a - b),
        (Calculation::Multiply, Num::Whole(a), Num::Whole(b)) => {
            Num::Whole(a.checked_mul(b).ok_or_else(too_large)?)
        }
        (Calculation::FloorDivide, Num::Whole(a), Num::Whole(b)) => Num::Whole(a.div_euclid(b)),
        (Calculation::Remainder, Num::Whole(a), Num::Whole(b)) => Num::Whole(a.rem_euclid(b)),
        (Calculation::Power, Num::Whole(a), Num::Whole(b)) if b >= 0 => {
            let power = u32::try_from(b).ok().and_then(|b| a.checked_pow(b));
            Num::Whole(match (power, a) {
                (Some(power), _) => power,
                // The only bases whose every power fits.
                (None, 0 | 1) => a,
                (None, -1) => 1 - 2 * (b & 1),
                (None, _) => return Err(too_large()),
            })
        }
        (Calculation::Add, a, b) => Num::Float(a.float() + b.float()),
        (Calculation::Subtract, a, b) => Num::Float(a.float() - b.float()),
        (Calculation::Multiply, a, b) => Num::Float(a.float() * b.float()),
        (Calculation::FloorDivide, a, b) => Num::Float(a.float().div_euclid(b.float())),
        (Calculation::Remainder, a, b) => Num::Float(a.float().rem_euclid(b.float())),
        (Calculation::Power, a, b) => Num::Float(a.float().powf(b.float())),
    };
    result.value()
}
