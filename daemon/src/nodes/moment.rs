//! Points in time in a node's settings: read as everywhere, written in one form. Without an offset they are UTC.

use chrono::{DateTime, SecondsFormat, Utc};
use flow::moment::Moment;

/// Reads what templates and conditions read.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    Moment::parse(text).map(Moment::utc)
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
