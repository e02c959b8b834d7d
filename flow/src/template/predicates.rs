//! The tests behind `is`.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use super::budget::{Budget, Trouble};
use super::lookup;
use super::number::Num;
use super::operate::compare;
use super::tree::Comparison;

/// A test: its name, how many arguments it takes, and what it asks.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) arguments: usize,
    /// Whether it exists for what is missing, so that nothing is noted.
    pub(crate) takes_missing: bool,
    /// Of the value, the argument, and whether the value was missing.
    pub(crate) run: fn(&Value, &Value, bool, &Budget) -> Result<bool, Trouble>,
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn kind(name: &'static str, run: fn(&Value, &Value, bool, &Budget) -> Result<bool, Trouble>) -> Test {
    Test {
        name,
        arguments: 0,
        takes_missing: true,
        run,
    }
}

const fn with(name: &'static str, run: fn(&Value, &Value, bool, &Budget) -> Result<bool, Trouble>) -> Test {
    Test {
        name,
        arguments: 1,
        takes_missing: false,
        run,
    }
}

static TESTS: &[Test] = &[
    kind("boolean", |value, _, _, _| Ok(value.is_boolean())),
    kind("defined", |_, _, missing, _| Ok(!missing)),
    with("divisibleby", |value, by, _, _| {
        match (whole(value)?, whole(by)?) {
            (_, 0) => Err(Trouble::new("nothing is divisible by 0")),
            (value, by) => Ok(value % by == 0),
        }
    }),
    with("endingwith", |value, part, _, budget| {
        ends(value, part, budget, |text, part| text.ends_with(part))
    }),
    with("eq", |a, b, _, budget| compare(Comparison::Equal, a, b, budget)),
    Test {
        arguments: 0,
        ..with("even", |value, _, _, _| Ok(whole(value)? % 2 == 0))
    },
    kind("false", |value, _, _, _| Ok(value == &Value::Bool(false))),
    kind("float", |value, _, _, _| {
        Ok(matches!(Num::of(value), Some(Num::Float(_))))
    }),
    with("ge", |a, b, _, budget| {
        compare(Comparison::GreaterOrEqual, a, b, budget)
    }),
    with("gt", |a, b, _, budget| compare(Comparison::Greater, a, b, budget)),
    with("in", |part, whole, _, budget| {
        lookup::contains(whole, part, budget)
    }),
    kind("integer", |value, _, _, _| {
        Ok(matches!(Num::of(value), Some(Num::Whole(_))))
    }),
    kind("iterable", |value, _, _, _| {
        Ok(value.is_array() || value.is_object() || value.is_string())
    }),
    with("le", |a, b, _, budget| {
        compare(Comparison::LessOrEqual, a, b, budget)
    }),
    with("lt", |a, b, _, budget| compare(Comparison::Less, a, b, budget)),
    kind("mapping", |value, _, _, _| Ok(value.is_object())),
    with("ne", |a, b, _, budget| {
        compare(Comparison::NotEqual, a, b, budget)
    }),
    kind("none", |value, _, _, _| Ok(value.is_null())),
    kind("number", |value, _, _, _| Ok(value.is_number())),
    Test {
        arguments: 0,
        ..with("odd", |value, _, _, _| Ok(whole(value)? % 2 != 0))
    },
    kind("sequence", |value, _, _, _| Ok(value.is_array())),
    with("startingwith", |value, part, _, budget| {
        ends(value, part, budget, |text, part| text.starts_with(part))
    }),
    kind("string", |value, _, _, _| Ok(value.is_string())),
    kind("true", |value, _, _, _| Ok(value == &Value::Bool(true))),
    kind("undefined", |_, _, missing, _| Ok(missing)),
];

/// Other names of the same.
const ALIASES: &[(&str, &str)] = &[
    ("equalto", "eq"),
    ("null", "none"),
    ("greaterthan", "gt"),
    ("lessthan", "lt"),
    ("startswith", "startingwith"),
    ("endswith", "endingwith"),
];

/// The test of that name.
pub(crate) fn find(name: &str) -> Option<&'static Test> {
    let name = ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, name)| name);
    TESTS.iter().find(|test| test.name == name)
}

/// Every name, for messages.
pub(crate) fn names() -> String {
    TESTS.iter().map(|test| test.name).collect::<Vec<_>>().join(", ")
}

fn whole(value: &Value) -> Result<i128, Trouble> {
    match Num::of(value) {
        Some(Num::Whole(whole)) => Ok(whole),
        Some(Num::Float(float))
            if Num::Float(float.trunc()).order(Num::Float(float)) == Some(Ordering::Equal) =>
        {
            Ok(float as i128)
        }
        _ => Err(Trouble::new(format!(
            "a test needs a whole number, not {}",
            super::value::kind(value)
        ))),
    }
}

fn ends(value: &Value, part: &Value, budget: &Budget, test: fn(&str, &str) -> bool) -> Result<bool, Trouble> {
    let (Value::String(value), Value::String(part)) = (value, part) else {
        return Ok(false);
    };
    budget.look(part.len())?;
    Ok(test(value, part))
}
