//! What a node gave, made fit to be stored: Postgres refuses U+0000 in text, both sides refuse deep nesting, and the
//! limit of CONTRACT section 6 holds (DESIGN D16).

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value};

/// Nesting beyond which an output is refused. serde_json reads 128 levels, and records put some around it.
const MAX_DEPTH: usize = 100;

/// Why an output cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Too many bytes.
    #[error("the output is larger than {0} bytes")]
    Bytes(usize),
    /// Too many levels.
    #[error("the output is nested deeper than 100 levels")]
    Depth,
}

/// Replaces U+0000 by U+FFFD in every string and key. `true`: there was one.
pub fn without_nul(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match replaced(text) {
            Cow::Owned(clean) => {
                *text = clean;
                true
            }
            Cow::Borrowed(_) => false,
        },
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |found, item| without_nul(item) | found),
        Value::Object(object) => object_without_nul(object),
        _ => false,
    }
}

/// The same for an object.
pub fn object_without_nul(object: &mut Map<String, Value>) -> bool {
    let mut found = object
        .values_mut()
        .fold(false, |found, item| without_nul(item) | found);
    if object.keys().any(|key| key.contains('\0')) {
        found = true;
        *object = std::mem::take(object)
            .into_iter()
            .map(|(key, item)| (replaced(&key).into_owned(), item))
            .collect();
    }
    found
}

/// The same for a sentence.
pub fn replaced(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What people call a node: as much of it as anybody reads, because it stands in each of its records.
pub fn label(node: &flow::Node) -> Cow<'_, str> {
    const CHARACTERS: usize = 200;
    match node.label.char_indices().nth(CHARACTERS) {
        Some((end, _)) => replaced(node.label.get(..end).unwrap_or_default()),
        None => replaced(&node.label),
    }
}

/// Refuses what is larger than `max` bytes as JSON or nested too deep.
pub fn fits(value: &Value, max: usize) -> Result<(), TooLarge> {
    if depth_over(value, MAX_DEPTH) {
        return Err(TooLarge::Depth);
    }
    if size(value, max).is_none() {
        Err(TooLarge::Bytes(max))
    } else {
        Ok(())
    }
}

/// Bytes as JSON; `None` beyond `max`, without counting further.
pub fn size(value: &Value, max: usize) -> Option<usize> {
    let mut counter = Counter { left: max };
    serde_json::to_writer(&mut counter, value)
        .ok()
        .map(|()| max - counter.left)
}

fn depth_over(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|item| depth_over(item, left - 1)),
        Value::Object(object) => left == 0 || object.values().any(|item| depth_over(item, left - 1)),
        _ => false,
    }
}

/// Counts down and refuses to go below zero.
struct Counter {
    left: usize,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nul_becomes_the_replacement_character_in_strings_and_keys() {
        let mut value = json!({"a\0": ["x\0y", 1], "b": "c"});
        assert!(without_nul(&mut value));
        assert_eq!(value, json!({"a\u{FFFD}": ["x\u{FFFD}y", 1], "b": "c"}));
        assert!(!without_nul(&mut value));
    }

    #[test]
    fn an_output_of_exactly_the_limit_fits() {
        let value = json!("12345678");
        assert_eq!(fits(&value, 10), Ok(()));
        assert_eq!(fits(&value, 9), Err(TooLarge::Bytes(9)));
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_written() {
        let mut value = json!(1);
        for _ in 0..101 {
            value = json!([value]);
        }
        assert_eq!(fits(&value, 1 << 20), Err(TooLarge::Depth));
        assert_eq!(fits(value.get(0).unwrap(), 1 << 20), Ok(()));
    }
}
