//! The trigger data of a row event (CONTRACT section 2), put together from JSON text: numbers keep all their digits,
//! and nothing is parsed that no condition asks for.

use chrono::{DateTime, SecondsFormat, Utc};
use flow::Event;
use serde_json::Value;

/// The most bytes of `old` and of `new` each; a larger one ends the execution with `too_large` (CONTRACT section 6).
pub const ROW_BYTES: usize = 1024 * 1024;

/// Values of a row that are larger than this together are not even turned into JSON: no JSON of them is shorter than
/// [`ROW_BYTES`], and a row of a gigabyte must not need another one here.
pub const RAW_BYTES: usize = 16 * ROW_BYTES;

/// One side of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// There is none: `old` of an INSERT, `new` of a DELETE.
    None,
    /// The row as a JSON object.
    Json(String),
    /// So many bytes, and no JSON was made.
    Raw(usize),
}

/// A change, whole.
#[derive(Debug, Clone)]
pub struct Change<'s> {
    /// INSERT, UPDATE or DELETE.
    pub event: Event,
    /// The source's name.
    pub source: &'s str,
    /// The table's name.
    pub table: &'s str,
    /// Before.
    pub old: Side,
    /// After.
    pub new: Side,
    /// The columns that differ, on UPDATE.
    pub changed: &'s [String],
    /// When the transaction began.
    pub at: DateTime<Utc>,
}

impl Change<'_> {
    /// All of it, for conditions to look at; none where a side is too large for that.
    pub fn whole(&self) -> Option<String> {
        if self.is_too_large() {
            return None;
        }
        Some(self.with(&format!(
            ",\"old\":{},\"new\":{}",
            self.old.json(),
            self.new.json()
        )))
    }

    /// Whether its execution ends with `too_large`.
    pub fn is_too_large(&self) -> bool {
        self.old.bytes() > ROW_BYTES || self.new.bytes() > ROW_BYTES
    }

    /// What is queued: all of it, or without the rows and with their sizes where one is too large.
    pub fn stored(&self) -> String {
        self.stored_with("")
    }

    /// The same with outlines of the rows in their place, so that it can still be found out who hears it.
    pub fn stored_in_outline(&self, old: &Value, new: &Value) -> String {
        self.stored_with(&format!(",\"old\":{old},\"new\":{new}"))
    }

    fn stored_with(&self, outlines: &str) -> String {
        let large = |name: &str, side: &Side| {
            let bytes = side.bytes();
            (bytes > ROW_BYTES).then(|| format!("\"{name}\":{bytes}"))
        };
        self.whole().unwrap_or_else(|| {
            let sizes: Vec<String> = [large("old", &self.old), large("new", &self.new)]
                .into_iter()
                .flatten()
                .collect();
            self.with(&format!(",\"too_large\":{{{}}}{outlines}", sizes.join(",")))
        })
    }

    fn with(&self, rows: &str) -> String {
        let text = |text: &str| Value::from(text).to_string();
        format!(
            "{{\"event\":\"{}\",\"source\":{},\"table\":{}{rows},\"changed\":{},\"timestamp\":\"{}\"}}",
            self.event.as_str(),
            text(self.source),
            text(self.table),
            Value::from(self.changed.to_vec()),
            self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        )
    }
}

impl Side {
    /// A row as row_to_json() gave it.
    pub fn from_json(text: String) -> Side {
        Side::Json(without_zero(text))
    }

    fn json(&self) -> &str {
        match self {
            Side::Json(text) => text,
            Side::None | Side::Raw(_) => "null",
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Side::None => 0,
            Side::Json(text) => text.len(),
            Side::Raw(bytes) => *bytes,
        }
    }
}

/// A column of type json may hold an escaped zero, which jsonb refuses: it becomes U+FFFD (D16).
fn without_zero(text: String) -> String {
    if !text.contains("\\u0000") {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = escape.strip_prefix("\\u0000") {
            out.push_str("\\ufffd");
            rest = after;
        } else {
            // The backslash and what it escapes go together: `\\u0000` is a backslash and five letters.
            let length = escape.chars().take(2).map(char::len_utf8).sum();
            out.push_str(&escape[..length]);
            rest = &escape[length..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn an_escaped_zero_becomes_a_replacement_character_and_an_escaped_backslash_stays() {
        assert_eq!(without_zero("\"a\\u0000b\"".to_owned()), "\"a\\ufffdb\"");
        assert_eq!(without_zero("\"\\\\u0000\"".to_owned()), "\"\\\\u0000\"");
        assert_eq!(without_zero("\"\\\\\\u0000\"".to_owned()), "\"\\\\\\ufffd\"");
    }

    #[test]
    fn a_row_over_the_limit_is_stored_as_its_size_only() {
        let change = Change {
            event: Event::Insert,
            source: "lead",
            table: "leads",
            old: Side::None,
            new: Side::Json(format!("\"{}\"", "x".repeat(ROW_BYTES))),
            changed: &[],
            at: DateTime::UNIX_EPOCH,
        };
        let stored: Value = serde_json::from_str(&change.stored()).expect("JSON");
        assert_eq!(stored["too_large"]["new"], ROW_BYTES + 2);
        assert!(stored.get("new").is_none());
        assert!(change.whole().is_none());
    }
}
