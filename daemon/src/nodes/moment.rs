//! Points in time as people and programs write them. Without an offset they are UTC; the documents say so.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

/// Reads ISO 8601 with or without seconds, fraction and offset, `T` or a space between, or a date alone (its
/// midnight).
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    for format in [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
    ] {
        if let Ok(moment) = DateTime::parse_from_str(text, format) {
            return Some(moment.to_utc());
        }
    }
    [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    .map(|naive| naive.and_utc())
}

/// In the one form that everything reads: RFC 3339 in UTC, fraction only where there is one.
pub(super) fn write(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_usual_form() {
        for (text, expected) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            (" 2026-03-01T10:00:00+02:00 ", "2026-03-01T08:00:00Z"),
            ("2026-03-01 10:00:00+00", "2026-03-01T10:00:00Z"),
            ("2026-03-01 10:00:00.25+00:00", "2026-03-01T10:00:00.250Z"),
            ("2026-03-01T10:00", "2026-03-01T10:00:00Z"),
            ("2026-03-01 10:00", "2026-03-01T10:00:00Z"),
            ("2026-03-01T10:00:00.123456", "2026-03-01T10:00:00.123456Z"),
            ("2026-03-01T10:00+0530", "2026-03-01T04:30:00Z"),
        ] {
            assert_eq!(parse(text).map(write).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-03-01T25:00:00Z",
            "01.03.2026",
            "infinity",
            "1e400",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
