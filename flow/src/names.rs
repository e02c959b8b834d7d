//! What a template or a condition can read: top-level names and their values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

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
