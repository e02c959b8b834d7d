//! Schedules: when a crontab expression in a time zone is due.
//!
//! `croner` reads the fields; which dates and instants they mean is decided here, by the crontab manual:
//! - Where day of month and day of week are both restricted, either is enough; a field that begins with `*` (also
//!   `*/2`) is not restricted.
//! - A schedule that runs in every hour follows elapsed time: a clock that goes forward skips times, one that goes
//!   back repeats them. Any other schedule runs once for what a clock skipped, at the first valid instant, and does
//!   not run again for a time that is repeated (unless its minutes begin with `*`: then it is an interval).

mod expression;

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use thiserror::Error;

use expression::Expression;

/// Why a schedule is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Not five fields, or a field that cannot be read.
    #[error("the cron expression cannot be read: {0}")]
    Cron(String),
    /// Longer than the limit.
    #[error("the cron expression is {0} bytes long; at most {limit} are allowed", limit = MAX_BYTES)]
    TooLong(usize),
    /// The name is not in the IANA database.
    #[error("unknown time zone `{0}`: use an IANA name such as `Europe/Berlin`, or `UTC`")]
    Timezone(String),
    /// No date in the next hundred years matches, such as 30 February.
    #[error("the cron expression never matches a date; check its day and month")]
    Never,
}

/// The longest cron expression, in bytes: five lists of every value fit.
pub const MAX_BYTES: usize = 1_000;

/// The most runs that one call computes.
pub const MAX_RUNS: usize = 1_000;

/// How far the search goes. The rarest date that exists, 29 February on a given weekday, comes within 40 years.
const HORIZON_DAYS: u64 = 36_525;

/// No zone was ever further from UTC than this.
const FURTHEST: TimeDelta = TimeDelta::hours(16);

/// The next `n` (at most [`MAX_RUNS`]) runs strictly after `after`, in order; fewer where the next hundred years hold
/// no more. `timezone` is an IANA name, empty for UTC.
///
/// # Errors
/// See [`ScheduleError`].
///
/// ```
/// use chrono::{TimeZone, Utc};
///
/// let after = Utc.with_ymd_and_hms(2026, 3, 7, 12, 0, 0).single().ok_or("a time")?;
/// // On 8 March 2026 New York has no 02:30: the job runs when the clock shows 03:00.
/// let runs = flow::next_runs("30 2 * * *", "America/New_York", after, 2)?;
/// assert_eq!(runs[0].to_rfc3339(), "2026-03-08T07:00:00+00:00");
/// assert_eq!(runs[1].to_rfc3339(), "2026-03-09T06:30:00+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn next_runs(
    cron: &str,
    timezone: &str,
    after: DateTime<Utc>,
    n: usize,
) -> Result<Vec<DateTime<Utc>>, ScheduleError> {
    Crontab::parse(cron, timezone)?.runs(after, None, n)
}

/// An expression in a time zone, read once.
pub(crate) struct Crontab {
    expression: Expression,
    zone: Tz,
}

impl Crontab {
    /// Reads both.
    pub(crate) fn parse(cron: &str, timezone: &str) -> Result<Crontab, ScheduleError> {
        Ok(Crontab {
            expression: Expression::parse(cron)?,
            zone: zone(timezone)?,
        })
    }

    /// The next `n` (at most [`MAX_RUNS`]) runs strictly after `after` and not after `until`, in order.
    pub(crate) fn runs(
        &self,
        after: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        n: usize,
    ) -> Result<Vec<DateTime<Utc>>, ScheduleError> {
        let n = n.min(MAX_RUNS);
        // Nothing honest is outside, and near the ends of what a date can hold arithmetic would fail.
        if !(1..=9_000).contains(&after.year()) {
            return Err(ScheduleError::Never);
        }
        // A local time is never further than this from the same time in UTC, also one that a clock skipped.
        let first = (after - FURTHEST).date_naive();
        let last = until.map(|until| (until + FURTHEST).date_naive());
        let mut runs = BTreeSet::new();
        let mut any = false;
        for date in first.iter_days().take(HORIZON_DAYS as usize) {
            if last.is_some_and(|last| date > last) {
                any = true; // as far as was looked
                break;
            }
            if !self.expression.matches_date(date) {
                continue;
            }
            any = true;
            if !self.runs_of(date, after, until, n, &mut runs) {
                break;
            }
        }
        if !any {
            return Err(ScheduleError::Never);
        }
        Ok(runs.into_iter().take(n).collect())
    }

    /// Adds the runs of one local date that are after `after`; false when what follows is later than all that is wanted.
    /// The first instant that a local time means never goes back where the time goes on, nor does the last.
    fn runs_of(
        &self,
        date: NaiveDate,
        after: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        n: usize,
        runs: &mut BTreeSet<DateTime<Utc>>,
    ) -> bool {
        let times = self.expression.times();
        let passed = times.partition_point(|time| self.instants(NaiveDateTime::new(date, *time)).1 <= after);
        for time in times.iter().skip(passed) {
            let local = NaiveDateTime::new(date, *time);
            let (first, second) = self.instants(local);
            let enough = runs.len() >= n
                && runs
                    .iter()
                    .nth(n.saturating_sub(1))
                    .is_none_or(|nth| first > *nth);
            if enough || until.is_some_and(|until| first > until) {
                return false;
            }
            let skipped = first.with_timezone(&self.zone).naive_local() != local;
            if skipped && self.expression.is_hourly() {
                continue;
            }
            let again = (second != first && self.expression.repeats()).then_some(second);
            for run in [Some(first), again].into_iter().flatten() {
                if run > after && until.is_none_or(|until| run <= until) {
                    runs.insert(run);
                }
            }
        }
        true
    }

    /// The first and the last instant at which the zone's clock shows a time; of one that it skips, the first at which
    /// it shows a later one.
    fn instants(&self, local: NaiveDateTime) -> (DateTime<Utc>, DateTime<Utc>) {
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(run) => (run.to_utc(), run.to_utc()),
            LocalResult::Ambiguous(one, other) => (one.min(other).to_utc(), one.max(other).to_utc()),
            LocalResult::None => {
                let first = first_valid_after(self.zone, local);
                (first, first)
            }
        }
    }
}

fn zone(name: &str) -> Result<Tz, ScheduleError> {
    let name = name.trim();
    if name.is_empty() {
        return Ok(Tz::UTC);
    }
    name.parse()
        .map_err(|_| ScheduleError::Timezone(name.chars().take(60).collect()))
}

/// The first instant at which the zone's clock shows no less than a time that it skipped.
fn first_valid_after(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    // A day and a bit around it, as seen from UTC, holds the change; Apia skipped 24 hours.
    let mut before = local.and_utc() - TimeDelta::hours(48);
    let mut behind = local.and_utc() + TimeDelta::hours(48);
    while behind - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((behind - before).num_seconds() / 2);
        if middle.with_timezone(&zone).naive_local() < local {
            before = middle;
        } else {
            behind = middle;
        }
    }
    behind
}
