//! What a template or a condition can read: top-level names and their values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The names of an execution that win over variables and over what a loop calls its item (CONTRACT section 3).
pub const FIXED: [&str; 11] = [
    "trigger",
    "lead",
    "conversation",
    "nodes",
    "vars",
    "execution",
    "env",
    "secrets",
    "input",
    "resume",
    "loop",
];

/// Whether a template can read a variable of this name by the name alone.
pub(crate) fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Gives the value of a top-level name (`trigger`, `lead`, `nodes` ...).
///
/// An implementation is asked at most once per name and evaluation, and only for names that the text really
/// reads (`Template::names`). Borrow where the value is at hand: what is given as owned is held in memory for
/// the whole evaluation.
pub trait Names {
    /// The value of `name`; `None` if there is no such name (it renders empty, with a warning).
    fn get(&self, name: &str) -> Option<Cow<'_, Value>>;
}

impl Names for Map<String, Value> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        Map::get(self, name).map(Cow::Borrowed)
    }
}

impl Names for BTreeMap<String, Value> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        BTreeMap::get(self, name).map(Cow::Borrowed)
    }
}

/// An object gives its entries; any other value has no names.
impl Names for Value {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.as_object()
            .and_then(|object| object.get(name))
            .map(Cow::Borrowed)
    }
}
