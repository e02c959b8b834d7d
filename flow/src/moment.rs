//! Points in time as people and PostgreSQL write them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;

/// The longest text that is looked at; longer ones are no point in time.
const MAX_BYTES: usize = 64;

/// A point in time, with the offset that it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(DateTime<FixedOffset>);

impl Moment {
    /// Reads RFC 3339, PostgreSQL's `2026-01-01 10:00:00.5+00`, a date, or seconds since 1970 (milliseconds from
    /// 100,000,000,000 on, which as seconds would be the year 5138). Without a zone it is UTC.
    pub fn read(value: &Value) -> Option<Moment> {
        match value {
            Value::String(text) => Moment::parse(text),
            Value::Number(number) => {
                let number = number.as_f64()?;
                let milliseconds = if number.abs() < 1e11 { number * 1e3 } else { number };
                if milliseconds.abs() > 1e15 {
                    return None;
                }
                DateTime::from_timestamp_millis(milliseconds as i64).map(|utc| Moment(utc.fixed_offset()))
            }
            _ => None,
        }
    }

    /// The same for a text.
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        if text.len() > MAX_BYTES || !text.is_ascii() {
            return None;
        }
        let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
        let rest = text.get(10..)?;
        if rest.is_empty() {
            return Some(Moment(date.and_time(NaiveTime::MIN).and_utc().fixed_offset()));
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let split = rest.find(['+', '-', 'Z', 'z', ' ']).unwrap_or(rest.len());
        let (time, zone) = (rest.get(..split)?, rest.get(split..)?.trim());
        let time = ["%H:%M:%S%.f", "%H:%M"]
            .iter()
            .find_map(|form| NaiveTime::parse_from_str(time, form).ok())?;
        let local = NaiveDateTime::new(date, time);
        let offset = offset(zone)?;
        local.and_local_timezone(offset).single().map(Moment)
    }

    /// With the offset that it was written with.
    pub fn local(self) -> DateTime<FixedOffset> {
        self.0
    }

    /// In UTC.
    pub fn utc(self) -> DateTime<Utc> {
        self.0.to_utc()
    }
}

/// `Z`, `+01`, `+0130`, `+01:30`, `+01:30:15`, `UTC`, or nothing.
fn offset(zone: &str) -> Option<FixedOffset> {
    if zone.is_empty()
        || ["z", "utc", "gmt"]
            .iter()
            .any(|name| zone.eq_ignore_ascii_case(name))
    {
        return FixedOffset::east_opt(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits.replace(':', "")),
        ("-", digits) => (-1, digits.replace(':', "")),
        _ => return None,
    };
    if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize| {
        digits
            .get(from..from + 2)
            .map_or(Some(0), |part| part.parse::<i32>().ok())
    };
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60 + seconds))
}
