//! A schedule trigger: its settings, read when it is saved, and which of its times are due.
//!
//! The database's clock is given; there is no other. A time that is fired within [`GRACE`] is on time, a later one was
//! missed: no daemon ran, or none was allowed to work.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{flag, text};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::schedule::{Crontab, MAX_RUNS, ScheduleError};

/// How late a fire may be without being a missed one. As long as the shortest distance between two times: one poll, one
/// restart, a busy minute.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

/// The most missed times that `missed: all` makes up for one by one.
pub const MAX_MADE_UP: usize = 100;

/// The longest jitter, in seconds: a day.
const MAX_JITTER: f64 = 86_400.0;

/// What becomes of times at which no daemon ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// One execution for all of them.
    #[default]
    Once,
    /// Nothing.
    Skip,
    /// An execution for each of the newest [`MAX_MADE_UP`].
    All,
}

/// What a schedule trigger says.
pub struct Schedule {
    crontab: Crontab,
    start_at: Option<DateTime<Utc>>,
    end_at: Option<DateTime<Utc>>,
    jitter: TimeDelta,
    /// What becomes of missed times.
    pub missed: Missed,
    /// Whether a time is left out while the execution of the last one is not final.
    pub skips_overlap: bool,
}

/// A time of a schedule, and when it is fired: as much later as its jitter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The time.
    pub at: DateTime<Utc>,
    /// Its moment.
    pub due: DateTime<Utc>,
}

/// An execution that is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fire {
    /// The time that it is for; of several missed ones, the last.
    pub at: DateTime<Utc>,
    /// How many missed times it makes up for; 0: it is on time and makes up for none. Stops at [`MAX_RUNS`].
    pub missed: usize,
}

impl Schedule {
    /// Reads the settings from a resolved trigger configuration and refuses dates that never come.
    ///
    /// # Errors
    /// As [`Schedule::read`], and a `cron` that matches no date after `now`.
    pub fn from_config(resolved: &Value, now: DateTime<Utc>) -> Result<Schedule, Problem> {
        let schedule = Schedule::read(resolved)?;
        match schedule.crontab.runs(now, None, 1) {
            Ok(_) => Ok(schedule),
            Err(error) => Err(refused("cron", &format!("is refused: {error}"))),
        }
    }

    /// Reads the settings; null, an empty text and a missing key say nothing.
    ///
    /// # Errors
    /// The first setting that is not what it has to be: no `cron`, a zone that nobody knows, an end before the start ...
    pub fn read(resolved: &Value) -> Result<Schedule, Problem> {
        let cron = text(resolved, "cron")?.ok_or_else(|| refused("cron", "is missing: say when it runs"))?;
        let timezone = text(resolved, "timezone")?.unwrap_or("UTC");
        let crontab = Crontab::parse(cron, timezone).map_err(|error| match error {
            ScheduleError::Timezone(_) => refused("timezone", &format!("is refused: {error}")),
            _ => refused("cron", &format!("is refused: {error}")),
        })?;
        let (start_at, end_at) = (moment(resolved, "start_at")?, moment(resolved, "end_at")?);
        if let (Some(start), Some(end)) = (start_at, end_at)
            && end < start
        {
            return Err(refused("end_at", "is before `start_at`: it would never run"));
        }
        let missed = match text(resolved, "missed")? {
            None | Some("once") => Missed::Once,
            Some("skip") => Missed::Skip,
            Some("all") => Missed::All,
            Some(_) => return Err(refused("missed", "must be once, skip or all")),
        };
        let skips_overlap = match text(resolved, "overlap")? {
            None | Some("allow") => false,
            Some("skip") => true,
            Some(_) => return Err(refused("overlap", "must be allow or skip")),
        };
        flag(resolved, "keep")?; // the database reads it where it fires
        Ok(Schedule {
            crontab,
            start_at,
            end_at,
            jitter: jitter(resolved)?,
            missed,
            skips_overlap,
        })
    }

    /// The first time after a moment. `automation` is its id: the jitter follows from it and the time alone, so that
    /// whoever asks gets the same.
    pub fn next(&self, automation: [u8; 16], after: DateTime<Utc>) -> Option<Slot> {
        let at = *self.times(after, self.end_at, 1).first()?;
        Some(self.slot(automation, at))
    }

    /// What is to be fired now of the times from `from` on, and the first one that is not due yet.
    pub fn due(
        &self,
        automation: [u8; 16],
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> (Vec<Fire>, Option<Slot>) {
        let (mut count, times) = self.passed(from, self.end_at.map_or(now, |end| end.min(now)));
        // A jitter is shorter than the way to the next time, so only the last one can be early, and only the last two
        // can be on time.
        let exact = times.len().saturating_sub(2);
        let slot = |(place, at): (usize, DateTime<Utc>)| match place >= exact {
            true => self.slot(automation, at),
            false => Slot { at, due: at },
        };
        let mut slots: Vec<Slot> = times.into_iter().enumerate().map(slot).collect();
        let early = slots.pop_if(|slot| slot.due > now);
        count -= usize::from(early.is_some());
        let behind = slots
            .last()
            .map_or((from - TimeDelta::microseconds(1)).max(now), |slot| slot.at);
        let next = early.or_else(|| self.next(automation, behind));

        let on_time = slots.iter().filter(|slot| now - slot.due < GRACE).count();
        let late = slots.len() - on_time;
        let missed = count - on_time;
        let mut fires: Vec<Fire> = match self.missed {
            Missed::All => {
                let kept = late.min(MAX_MADE_UP);
                let left_out = missed - kept;
                let one = |(place, slot): (usize, &Slot)| Fire {
                    at: slot.at,
                    missed: if place == 0 { 1 + left_out } else { 1 },
                };
                slots[late - kept..late].iter().enumerate().map(one).collect()
            }
            Missed::Once if missed > 0 && on_time == 0 => slots[..late]
                .last()
                .map(|slot| Fire { at: slot.at, missed })
                .into_iter()
                .collect(),
            Missed::Once | Missed::Skip => Vec::new(),
        };
        let missed = if self.missed == Missed::Once { missed } else { 0 };
        fires.extend(slots[late..].iter().enumerate().map(|(place, slot)| Fire {
            at: slot.at,
            // one that is on time makes up for what was missed just before it
            missed: if place == 0 { missed } else { 0 },
        }));
        (fires, next)
    }

    /// How many times there are from `from` to `until` (at most [`MAX_RUNS`] are counted), and the last of them, as many
    /// as anybody asks for.
    fn passed(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> (usize, Vec<DateTime<Utc>>) {
        let before = from - TimeDelta::microseconds(1);
        let first = self.times(before, Some(until), MAX_RUNS);
        if first.len() < MAX_RUNS {
            return (first.len(), first);
        }
        // A long while of a dense schedule: the end of it is looked at in windows that grow until they hold enough.
        let mut window = TimeDelta::hours(3);
        loop {
            let begin = before.max(until - window);
            let mut last = self.times(begin, Some(until), MAX_RUNS);
            while let Some(reached) = last.last().copied().filter(|_| last.len() >= MAX_RUNS) {
                let more = self.times(reached, Some(until), MAX_RUNS);
                if more.is_empty() {
                    break;
                }
                last.drain(..more.len().min(last.len()));
                last.extend(more);
            }
            if last.len() > MAX_MADE_UP + 3 || begin == before {
                return (MAX_RUNS, last);
            }
            window = window * 8;
        }
    }

    fn times(&self, after: DateTime<Utc>, until: Option<DateTime<Utc>>, n: usize) -> Vec<DateTime<Utc>> {
        let after = match self.start_at {
            Some(start) => after.max(start - TimeDelta::microseconds(1)),
            None => after,
        };
        if until.is_some_and(|until| until <= after) {
            return Vec::new();
        }
        self.crontab.runs(after, until, n).unwrap_or_default()
    }

    fn slot(&self, automation: [u8; 16], at: DateTime<Utc>) -> Slot {
        let mut longest = self.jitter;
        if longest > TimeDelta::zero()
            && let Some(next) = self
                .crontab
                .runs(at, None, 1)
                .ok()
                .and_then(|runs| runs.first().copied())
        {
            longest = longest.min(next - at);
        }
        let span = u64::try_from(longest.num_milliseconds()).unwrap_or(0);
        let delay = match span {
            0 => 0,
            span => i64::try_from(mixed(automation, at) % span).unwrap_or(0),
        };
        Slot {
            at,
            due: at + TimeDelta::milliseconds(delay),
        }
    }
}

/// A number that follows from an automation and a time, and looks like chance (FNV-1a, then the end of SplitMix64). Never
/// changed: daemons of two versions have to agree.
fn mixed(automation: [u8; 16], at: DateTime<Utc>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in automation.into_iter().chain(at.timestamp().to_be_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn refused(key: &str, what: &str) -> Problem {
    Problem::error("trigger_config", None, format!("`{key}` {what}"))
}

fn moment(config: &Value, key: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let value = match config.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(value) => value,
    };
    let moment = Moment::read(value).map(Moment::utc);
    let honest = |moment: &DateTime<Utc>| (1..=9_000).contains(&chrono::Datelike::year(moment));
    match moment.filter(honest) {
        Some(moment) => Ok(Some(moment)),
        None => Err(refused(key, "must be a time such as 2026-03-01T09:00:00+01:00")),
    }
}

fn jitter(config: &Value) -> Result<TimeDelta, Problem> {
    match config.get("jitter_seconds") {
        None | Some(Value::Null) => Ok(TimeDelta::zero()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(TimeDelta::zero()),
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..=MAX_JITTER).contains(&seconds) => {
                Ok(TimeDelta::milliseconds((seconds * 1_000.0) as i64))
            }
            _ => Err(refused(
                "jitter_seconds",
                "must be a number of seconds from 0 to 86400",
            )),
        },
    }
}
