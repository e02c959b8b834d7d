//! Filters on points in time.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;

use super::{Input, Output, made};
use crate::moment::Moment;
use crate::template::budget::Trouble;
use crate::template::value::kind;

/// The longest format: each of its items gives some thirty bytes at most.
const MAX_FORMAT: usize = 200;

/// `date(format, timezone)`: a point in time in the words of strftime, `%Y-%m-%d` by default. Reads RFC 3339, dates,
/// the forms of PostgreSQL and seconds since 1970; a time without a zone is UTC.
pub(super) fn date<'s>(input: Input<'s, '_>) -> Output<'s> {
    if input.value.is_null() {
        return Ok(input.value);
    }
    let format = input.text(0)?;
    let format = format.as_deref().unwrap_or("%Y-%m-%d");
    if format.len() > MAX_FORMAT {
        return Err(Trouble::new("the format of `date` is longer than 200 bytes"));
    }
    input.budget.work(50 + 3 * format.len())?;
    let moment = Moment::read(&input.value).ok_or_else(|| {
        Trouble::new(format!(
            "`date` cannot read {} as a point in time",
            kind(&input.value)
        ))
    })?;
    let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
    if items.contains(&Item::Error) {
        return Err(Trouble::new(
            "`date` does not know that format; write it like `%d.%m.%Y %H:%M`",
        ));
    }
    let mut out = String::new();
    let written = match input.text(1)? {
        None => write!(out, "{}", moment.local().format_with_items(items.iter())),
        Some(name) => {
            let zone: Tz = name
                .parse()
                .map_err(|_| Trouble::new("`date` does not know that time zone; use an IANA name"))?;
            write!(
                out,
                "{}",
                moment.utc().with_timezone(&zone).format_with_items(items.iter())
            )
        }
    };
    input.budget.hold(2 * out.len())?;
    match written {
        Ok(()) => made(out),
        Err(_) => Err(Trouble::new("`date` cannot write that format")),
    }
}
