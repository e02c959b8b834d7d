//! Schedules, for SQL: when a crontab expression is due.

use chrono::{DateTime, Utc};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

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
    let runs: Vec<TimestampWithTimeZone> = runs
        .into_iter()
        .filter_map(|run| TimestampWithTimeZone::try_from(run.timestamp_micros() - EPOCH_MICROS).ok())
        .collect();
    Ok(SetOfIterator::new(runs))
}
