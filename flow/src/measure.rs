//! The size and depth of a JSON value, without recursion: whatever is stored, looking at it must not overflow.

use serde_json::Value;

/// What a value would take as compact JSON (escapes not counted), and how deep it is.
pub(crate) struct Measure {
    pub bytes: usize,
    pub depth: usize,
}

/// Stops as soon as one of the two is passed, so that a huge value costs no more than the bound.
pub(crate) fn measure(value: &Value, bytes_at_most: usize, depth_at_most: usize) -> Measure {
    let mut found = Measure { bytes: 0, depth: 0 };
    let mut todo = vec![(value, 1_usize)];
    while let Some((value, depth)) = todo.pop() {
        found.depth = found.depth.max(depth);
        found.bytes += match value {
            Value::Null | Value::Bool(true) => 4,
            Value::Bool(false) => 5,
            Value::Number(number) => number.to_string().len(),
            Value::String(text) => text.len() + 2,
            Value::Array(items) => {
                todo.extend(items.iter().map(|item| (item, depth + 1)));
                2 + items.len().saturating_sub(1)
            }
            Value::Object(entries) => {
                todo.extend(entries.values().map(|item| (item, depth + 1)));
                2 + entries.keys().map(|key| key.len() + 4).sum::<usize>() - usize::from(!entries.is_empty())
            }
        };
        if found.bytes > bytes_at_most || found.depth > depth_at_most {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_compact_json() {
        let value = serde_json::json!({"a": [1, "b", null, true, false, {}], "c": {"d": [], "e": 1.5}});
        let found = measure(&value, 1_000, 100);
        assert_eq!(found.bytes, value.to_string().len());
        assert_eq!(found.depth, 3);
    }
}
