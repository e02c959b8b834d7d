//! The bytes that a story keeps in memory, counted once however many steps share them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::clean;

/// Counts values by what they weigh as JSON. In memory they take some three times that.
#[derive(Debug, Default)]
pub struct Holdings {
    shared: HashMap<usize, (usize, usize)>,
    bytes: usize,
}

impl Holdings {
    /// All bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// One more holder of this value.
    pub fn keep(&mut self, value: &Arc<Value>) {
        let key = Arc::as_ptr(value).addr();
        let (holders, _) = self.shared.entry(key).or_insert_with(|| {
            let bytes = weight(value);
            self.bytes += bytes;
            (0, bytes)
        });
        *holders += 1;
    }

    /// One holder less. Call it before the value itself is dropped, so that its address is still its own.
    pub fn leave(&mut self, value: &Arc<Value>) {
        let key = Arc::as_ptr(value).addr();
        let Some((holders, bytes)) = self.shared.get_mut(&key) else {
            return;
        };
        *holders -= 1;
        if *holders == 0 {
            self.bytes -= *bytes;
            self.shared.remove(&key);
        }
    }

    /// What is kept in another form than a value.
    pub fn keep_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The same is kept no more.
    pub fn leave_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Variables that take the place of those of the same names.
    pub fn replace(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        for (name, value) in new {
            self.bytes += weigh(name, value);
            if let Some(old) = old.get(name) {
                self.bytes = self.bytes.saturating_sub(weigh(name, old));
            }
        }
    }

    /// Variables that are held no more.
    pub fn drop_all(&mut self, variables: &Map<String, Value>) {
        let all = variables.iter().map(|(name, value)| weigh(name, value));
        self.bytes = self.bytes.saturating_sub(all.sum());
    }
}

fn weigh(name: &str, value: &Value) -> usize {
    name.len() + weight(value)
}

fn weight(value: &Value) -> usize {
    clean::size(value, usize::MAX).unwrap_or(usize::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shared_is_counted_once_and_until_the_last_has_left() {
        let (mut held, value) = (Holdings::default(), Arc::new(json!("12345678")));
        held.keep(&value);
        held.keep(&value.clone());
        assert_eq!(held.bytes(), 10);
        held.leave(&value);
        assert_eq!(held.bytes(), 10);
        held.leave(&value);
        held.leave(&value);
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn a_variable_that_is_set_again_counts_as_it_is_now() {
        let mut held = Holdings::default();
        let object = |value: Value| value.as_object().cloned().unwrap();
        held.replace(&Map::new(), &object(json!({"a": "12345678", "b": 1})));
        assert_eq!(held.bytes(), 11 + 2);
        held.replace(
            &object(json!({"a": "12345678", "b": 1})),
            &object(json!({"a": 1})),
        );
        assert_eq!(held.bytes(), 2 + 2);
    }
}
