//! Which record a change is about, for `re_entry` and `debounce_seconds` (CONTRACT section 2): a lead, a conversation, or
//! a row by its primary key. A row is known by the key that it has after the change, on DELETE by the one before, so one
//! whose key changes becomes another record. Without a primary key there is no record, and both have no effect.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A lead.
pub fn of_lead(id: Uuid) -> String {
    format!("lead:{id}")
}

/// A conversation.
pub fn of_conversation(id: Uuid) -> String {
    format!("conversation:{id}")
}

/// A row by its key, as JSON with the columns in alphabetical order: the same for a partition as for its parent. Numbers
/// keep all their digits. None where a column of the key is not there.
pub fn of_row<'k>(key: impl IntoIterator<Item = &'k str>, row: &str) -> Option<String> {
    let row: BTreeMap<String, &RawValue> = serde_json::from_str(row).ok()?;
    let mut parts = BTreeMap::new();
    for name in key {
        parts.insert(name, in_utc(row.get(name)?.get()));
    }
    if parts.is_empty() {
        return None;
    }
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)))
        .collect();
    Some(shortened(format!("row:{{{}}}", parts.join(","))))
}

/// The record is part of keys, and an index entry holds a third of a page at most: a longer one is known by its digest.
const LONGEST: usize = 500;

fn shortened(record: String) -> String {
    if record.len() <= LONGEST {
        return record;
    }
    let digest = Sha256::digest(&record);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("row:sha256:{hex}")
}

/// Postgres writes a time in the time zone of the session; two sessions mean the same row.
fn in_utc(value: &str) -> String {
    let time = serde_json::from_str::<&str>(value)
        .ok()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    match time {
        Some(time) => {
            let utc = time.with_timezone(&Utc);
            format!("\"{}\"", utc.to_rfc3339_opts(SecondsFormat::Micros, true))
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_row_is_its_key_in_alphabetical_order_whatever_the_time_zone_of_the_session() {
        let row = r#"{"b":12345678901234567890123,"a":"2026-03-01T12:00:00+02:00","c":1}"#;
        let same = r#"{"a":"2026-03-01T10:00:00+00:00","b":12345678901234567890123}"#;
        let record = of_row(["b", "a"], row);
        assert_eq!(
            record.as_deref(),
            Some(r#"row:{"a":"2026-03-01T10:00:00.000000Z","b":12345678901234567890123}"#)
        );
        assert_eq!(record, of_row(["a", "b"], same));
    }

    #[test]
    fn a_row_with_a_long_key_is_known_by_a_digest_of_it() {
        let row = |key: &str| format!(r#"{{"a":"{}{key}"}}"#, "x".repeat(2_656));
        let (one, two) = (
            of_row(["a"], &row("1")).unwrap(),
            of_row(["a"], &row("2")).unwrap(),
        );
        assert_eq!(one.len(), "row:sha256:".len() + 64);
        assert_ne!(one, two);
        assert_eq!(of_row(["a"], &row("1")).unwrap(), one);
    }

    #[test]
    fn without_a_key_or_with_a_part_of_it_missing_there_is_no_record() {
        assert_eq!(of_row([], r#"{"a":1}"#), None);
        assert_eq!(of_row(["b"], r#"{"a":1}"#), None);
    }
}
