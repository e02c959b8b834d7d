//! Lists, item by item: what map, filter and aggregate share.
//!
//! One evaluation is bounded by `flow`; a list multiplies it, so the whole run is bounded here by time and size,
//! and gives the other executions a turn between items.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use flow::Names;
use serde_json::Value;

use super::{NodeError, NodeRun, expression, setting};
use crate::engine::clean;

/// Evaluation time for all items of a list together; ten times what one template may take at most.
const MAX_TIME: Duration = Duration::from_secs(1);
/// Items between two turns for others.
const ITEMS_PER_TURN: usize = 32;

/// The list that `inputArray` gives.
pub(super) fn input_array(run: &NodeRun<'_>, warnings: &mut Vec<String>) -> Result<Vec<Value>, NodeError> {
    match expression::evaluate(&run.node.config, "inputArray", run.names, warnings)? {
        Value::Array(items) => Ok(items),
        other => Err(setting::wrong("inputArray", "a list", &other)),
    }
}

/// The names around the items, looked up once for all of them.
pub(super) struct Around<'a>(BTreeMap<String, Cow<'a, Value>>);

impl<'a> Around<'a> {
    pub(super) fn new(names: &'a (dyn Names + Sync), read: &BTreeSet<String>) -> Around<'a> {
        Around(
            read.iter()
                .filter_map(|name| Some((name.clone(), names.get(name)?)))
                .collect(),
        )
    }

    /// The names for one item: `item` and `index` (from 0) before what is around.
    pub(super) fn item<'b>(&'b self, item: &'b Value, index: usize) -> Item<'b, 'a> {
        Item {
            around: self,
            item,
            index: Value::from(index),
        }
    }
}

/// The names that an expression over one item may use.
pub(super) struct Item<'b, 'a> {
    around: &'b Around<'a>,
    item: &'b Value,
    index: Value,
}

impl Names for Item<'_, '_> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            "item" => Some(Cow::Borrowed(self.item)),
            "index" => Some(Cow::Borrowed(&self.index)),
            other => self.around.0.get(other).map(|value| Cow::Borrowed(&**value)),
        }
    }
}

/// What the items of one run may cost together.
pub(super) struct Budget {
    spent: Duration,
    bytes: usize,
    max_bytes: usize,
    items: usize,
}

impl Budget {
    pub(super) fn new(max_bytes: usize) -> Budget {
        Budget {
            spent: Duration::ZERO,
            bytes: 0,
            max_bytes,
            items: 0,
        }
    }

    /// Evaluates one item and counts its time, then lets others run now and then.
    pub(super) async fn spend<T>(&mut self, evaluate: impl FnOnce() -> T) -> Result<T, NodeError> {
        let began = Instant::now();
        let evaluated = evaluate();
        self.spent += began.elapsed();
        if self.spent > MAX_TIME {
            let seconds = MAX_TIME.as_secs();
            return Err(NodeError::new(
                "timeout",
                format!("this took more than {seconds} s to evaluate"),
            ));
        }
        self.items += 1;
        if self.items.is_multiple_of(ITEMS_PER_TURN) {
            tokio::task::yield_now().await;
        }
        Ok(evaluated)
    }

    /// Counts a value of the output.
    pub(super) fn keep(&mut self, value: &Value) -> Result<(), NodeError> {
        let left = self.max_bytes.saturating_sub(self.bytes + 1);
        self.bytes += clean::size(value, left).unwrap_or(self.max_bytes) + 1;
        if self.bytes > self.max_bytes {
            let limit = self.max_bytes;
            return Err(NodeError::new(
                "too_large",
                format!("the list is larger than {limit} bytes"),
            ));
        }
        Ok(())
    }
}

/// The value at a path such as `address.lines.0`; a key that itself holds dots is found too.
pub(super) fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        object => object.get(key),
    })
}

/// Warnings as they are noted on a step: each once, and no more than a person reads.
pub(super) fn note(warnings: &mut Vec<String>, more: Vec<String>) {
    const MOST: usize = 20;
    for warning in more {
        if warnings.len() < MOST && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_go_through_objects_and_lists() {
        let value = json!({"a": {"b": [10, {"c": 1}]}, "x.y": 2});
        for (path, expected) in [
            ("a.b.0", Some(json!(10))),
            ("a.b.1.c", Some(json!(1))),
            ("x.y", Some(json!(2))),
            ("a.b.2", None),
            ("a.b.x", None),
            ("", None),
        ] {
            assert_eq!(at_path(&value, path), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn a_list_that_grows_too_large_is_stopped() {
        let mut budget = Budget::new(10);
        assert!(budget.keep(&json!("1234")).is_ok());
        assert_eq!(budget.keep(&json!("1234")).unwrap_err().code, "too_large");
    }

    #[test]
    fn the_item_comes_before_a_variable_of_the_same_name() {
        let outer = json!({"item": "outer", "x": 1});
        let read = ["item", "index", "x", "gone"].map(str::to_owned).into();
        let around = Around::new(&outer, &read);
        let (item, names) = (json!("inner"), |names: &Item<'_, '_>, name: &str| {
            names.get(name).map(Cow::into_owned)
        });
        let one = around.item(&item, 3);
        assert_eq!(names(&one, "item"), Some(json!("inner")));
        assert_eq!(names(&one, "index"), Some(json!(3)));
        assert_eq!(names(&one, "x"), Some(json!(1)));
        assert_eq!(names(&one, "gone"), None);
    }
}
