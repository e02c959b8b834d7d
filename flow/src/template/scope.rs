//! What names mean at one point of an evaluation.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::names::Names;

/// The top-level names of an evaluation, each asked for once.
pub(crate) struct Globals<'n>(Vec<(&'n str, Option<Cow<'n, Value>>)>);

impl<'n> Globals<'n> {
    /// Asks for what is wanted. A template reads a handful of names: they are searched one by one.
    pub(crate) fn fetch(wanted: &'n BTreeSet<String>, names: &'n dyn Names) -> Globals<'n> {
        Globals(
            wanted
                .iter()
                .map(|name| (name.as_str(), names.get(name)))
                .collect(),
        )
    }

    /// The value of a name; none if it is missing.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name)?.1.as_deref()
    }
}

/// Where a loop is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoopState {
    pub(crate) index: usize,
    pub(crate) length: usize,
    pub(crate) depth: usize,
}

impl LoopState {
    /// Bytes that it takes as a value.
    pub(crate) const SIZE: usize = 2_000;

    /// All of it. Made anew for each use, which saves making it for the loops that never look at it.
    pub(crate) fn value(self) -> Value {
        let names = [
            "index",
            "index0",
            "revindex",
            "revindex0",
            "first",
            "last",
            "length",
            "depth",
            "depth0",
        ];
        let entries = names
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.attribute(name)?)));
        Value::Object(entries.collect())
    }

    /// One part of it.
    pub(crate) fn attribute(self, name: &str) -> Option<Value> {
        Some(match name {
            "index" => Value::from(self.index + 1),
            "index0" => Value::from(self.index),
            "revindex" => Value::from(self.length - self.index),
            "revindex0" => Value::from(self.length - self.index - 1),
            "first" => Value::from(self.index == 0),
            "last" => Value::from(self.index + 1 == self.length),
            "length" => Value::from(self.length),
            "depth" => Value::from(self.depth),
            "depth0" => Value::from(self.depth - 1),
            _ => return None,
        })
    }
}

/// What names mean at one point: the variables of the loops around it, then the top-level names.
pub(crate) struct Scope<'s> {
    pub(crate) globals: &'s Globals<'s>,
    pub(crate) parent: Option<&'s Scope<'s>>,
    pub(crate) bound: Vec<(&'s str, Cow<'s, Value>)>,
    pub(crate) each: Option<LoopState>,
}

impl<'s> Scope<'s> {
    pub(crate) fn get(&'s self, name: &str) -> Option<&'s Value> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if let Some((_, value)) = current.bound.iter().find(|(bound, _)| *bound == name) {
                return Some(value);
            }
            scope = current.parent;
        }
        self.globals.get(name)
    }

    /// The innermost loop.
    pub(crate) fn each(&self) -> Option<LoopState> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if current.each.is_some() {
                return current.each;
            }
            scope = current.parent;
        }
        None
    }
}
