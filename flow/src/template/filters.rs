//! The filters that exist. Each pays for what it looks at and makes before it does; a filter that is not in this
//! list does not exist (`format` and `indent` make any amount of memory from a few characters).

mod encode;
mod lists;
mod numbers;
mod objects;
mod texts;
mod times;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::budget::{Budget, Trouble};
use super::value::{kind, text};

/// A filter: its name, its parameters in order, how many of them are needed, and what it does.
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [&'static str],
    pub(crate) required: usize,
    /// Whether it exists for what is missing, so that nothing is noted.
    pub(crate) takes_missing: bool,
    run: for<'s, 'b> fn(Input<'s, 'b>) -> Output<'s>,
}

type Output<'s> = Result<Cow<'s, Value>, Trouble>;

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a filter is given.
pub(crate) struct Input<'s, 'b> {
    pub(crate) value: Cow<'s, Value>,
    /// By parameter.
    pub(crate) arguments: Vec<Option<Cow<'s, Value>>>,
    pub(crate) budget: &'b Budget,
    /// Whether the value was missing (then it is null).
    pub(crate) missing: bool,
}

impl<'s> Input<'s, '_> {
    /// The argument of that number, if given.
    fn argument(&self, number: usize) -> Option<&Value> {
        self.arguments.get(number).and_then(Option::as_deref)
    }

    /// The argument as text, if given.
    fn text(&self, number: usize) -> Result<Option<Cow<'_, str>>, Trouble> {
        self.argument(number)
            .map(|value| text(value, self.budget))
            .transpose()
    }

    /// The argument as a whole number, if given.
    fn whole(&self, number: usize) -> Result<Option<i64>, Trouble> {
        match self.argument(number) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(whole) => Ok(Some(whole)),
                None => Err(Trouble::new(format!(
                    "a filter needs a whole number, not {}",
                    kind(value)
                ))),
            },
        }
    }

    /// The argument as yes or no; no if not given.
    fn flag(&self, number: usize) -> bool {
        self.argument(number).is_some_and(super::value::truth)
    }

    /// The value as text.
    fn subject(&self) -> Result<Cow<'_, str>, Trouble> {
        text(&self.value, self.budget)
    }
}

const fn filter(
    name: &'static str,
    parameters: &'static [&'static str],
    required: usize,
    run: for<'s, 'b> fn(Input<'s, 'b>) -> Output<'s>,
) -> Filter {
    Filter {
        name,
        parameters,
        required,
        takes_missing: false,
        run,
    }
}

/// All of them, by name.
static FILTERS: &[Filter] = &[
    filter("abs", &[], 0, numbers::abs),
    filter("capitalize", &[], 0, texts::capitalize),
    filter("date", &["format", "timezone"], 0, times::date),
    Filter {
        takes_missing: true,
        ..filter("default", &["value", "boolean"], 0, objects::default)
    },
    filter("escape", &[], 0, encode::escape),
    filter("first", &[], 0, lists::first),
    filter("float", &["default"], 0, numbers::float),
    filter("fromjson", &[], 0, encode::fromjson),
    filter("get", &["key", "default"], 1, objects::get),
    filter("int", &["default"], 0, numbers::int),
    filter("items", &[], 0, objects::items),
    filter("join", &["separator", "attribute"], 0, lists::join),
    filter("keys", &[], 0, objects::keys),
    filter("last", &[], 0, lists::last),
    filter("length", &[], 0, lists::length),
    filter("list", &[], 0, lists::list),
    filter("lower", &[], 0, texts::lower),
    filter("map", &["filter", "attribute", "default"], 0, lists::map),
    filter("max", &["attribute"], 0, lists::max),
    filter("min", &["attribute"], 0, lists::min),
    filter("reject", &["test", "value"], 0, lists::reject),
    filter(
        "rejectattr",
        &["attribute", "test", "value"],
        1,
        lists::rejectattr,
    ),
    filter("replace", &["old", "new", "count"], 2, texts::replace),
    filter("reverse", &[], 0, lists::reverse),
    filter("round", &["precision", "method"], 0, numbers::round),
    filter("select", &["test", "value"], 0, lists::select),
    filter(
        "selectattr",
        &["attribute", "test", "value"],
        1,
        lists::selectattr,
    ),
    filter(
        "sort",
        &["reverse", "case_sensitive", "attribute"],
        0,
        lists::sort,
    ),
    filter("split", &["separator", "maxsplit"], 0, texts::split),
    filter("string", &[], 0, texts::string),
    filter("sum", &["attribute"], 0, lists::sum),
    filter("title", &[], 0, texts::title),
    filter("tojson", &[], 0, encode::tojson),
    filter("trim", &["characters"], 0, texts::trim),
    filter("truncate", &["length", "killwords", "end"], 0, texts::truncate),
    filter("unique", &["attribute"], 0, lists::unique),
    filter("upper", &[], 0, texts::upper),
    filter("urlencode", &[], 0, encode::urlencode),
    filter("values", &[], 0, objects::values),
];

/// Other names of the same.
const ALIASES: &[(&str, &str)] = &[
    ("count", "length"),
    ("d", "default"),
    ("e", "escape"),
    ("strip", "trim"),
    ("json", "tojson"),
];

/// The filter of that name.
pub(crate) fn find(name: &str) -> Option<&'static Filter> {
    let name = ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, name)| name);
    FILTERS.iter().find(|filter| filter.name == name)
}

/// Every name, for messages.
pub(crate) fn names() -> String {
    FILTERS
        .iter()
        .map(|filter| filter.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Applies a filter.
pub(crate) fn apply<'s>(filter: &Filter, input: Input<'s, '_>) -> Output<'s> {
    (filter.run)(input)
}

/// Text that was made and paid for.
fn made<'s>(text: String) -> Output<'s> {
    Ok(Cow::Owned(Value::String(text)))
}
