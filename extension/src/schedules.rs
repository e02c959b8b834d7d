//! Schedules, for SQL: when a crontab expression is due, and what a schedule trigger fires.

use chrono::{DateTime, Utc};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};

use crate::jsonb;
use crate::refusal::Refusal;

/// Microseconds from 1970 to 2000, where the time of Postgres begins.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A moment of Postgres (microseconds since 2000) as Rust knows it.
#[must_use]
pub fn moment(timestamp: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(timestamp.saturating_add(EPOCH_MICROS)).unwrap_or_default()
}

/// When this transaction began.
#[must_use]
pub fn transaction_start() -> DateTime<Utc> {
    // SAFETY: reads a variable of the server.
    moment(unsafe { pg_sys::GetCurrentTransactionStartTimestamp() })
}

/// `automations.next_runs(cron, timezone, n)`: after the start of the transaction.
#[pg_extern(sql = false)]
fn next_runs(
    cron: &str,
    timezone: &str,
    n: i32,
) -> Result<SetOfIterator<'static, TimestampWithTimeZone>, ErrorReport> {
    let n = usize::try_from(n).unwrap_or(0);
    let runs = flow::next_runs(cron, timezone, transaction_start(), n)
        .map_err(|error| Refusal::Invalid(error.to_string()))?;
    let runs: Vec<TimestampWithTimeZone> = runs.into_iter().filter_map(timestamp).collect();
    Ok(SetOfIterator::new(runs))
}

/// A moment of Rust as Postgres knows it.
fn timestamp(moment: DateTime<Utc>) -> Option<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(moment.timestamp_micros() - EPOCH_MICROS).ok()
}

/// `automations.due_runs(config, automation_id, from_time, at)`: no row where the configuration cannot be read, which a
/// version from before may hold.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn due_runs(
    config: Option<AnyElement>,
    automation_id: Option<Uuid>,
    from_time: Option<TimestampWithTimeZone>,
    at: Option<TimestampWithTimeZone>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(scheduled_at, Vec<TimestampWithTimeZone>),
            name!(missed, Vec<i32>),
            name!(skips_overlap, bool),
            name!(next_at, Option<TimestampWithTimeZone>),
            name!(due_at, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    let read = jsonb::argument(config, "config").ok();
    let schedule = read.and_then(|config| flow::Schedule::read(&config).ok());
    let (Some(schedule), Some(automation), Some(at)) = (schedule, automation_id, at) else {
        return Ok(TableIterator::new(std::iter::empty()));
    };
    let (automation, at) = (*automation.as_bytes(), moment(at.into()));
    let (fires, next) = match from_time {
        Some(from) => schedule.due(automation, moment(from.into()), at),
        None => (Vec::new(), schedule.next(automation, at)),
    };
    let (times, missed) = fires
        .into_iter()
        .filter_map(|fire| {
            Some((
                timestamp(fire.at)?,
                i32::try_from(fire.missed).unwrap_or(i32::MAX),
            ))
        })
        .unzip();
    let next = next.and_then(|next| Some((timestamp(next.at)?, timestamp(next.due)?)));
    let (next_at, due_at) = next.unzip();
    Ok(TableIterator::once((
        times,
        missed,
        schedule.skips_overlap,
        next_at,
        due_at,
    )))
}
