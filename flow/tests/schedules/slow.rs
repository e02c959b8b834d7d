//! The same runs by the most obvious way: a walk through every minute.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use flow::next_runs;

use crate::at;

/// A crontab read in the most obvious way, for the forms that the comparison uses: `*`, `*/n`, lists of numbers.
struct Slow {
    minute: (bool, BTreeSet<u32>),
    hour: (bool, BTreeSet<u32>),
    day: (bool, BTreeSet<u32>),
    weekday: (bool, BTreeSet<u32>),
}

fn field(text: &str, low: u32, high: u32) -> (bool, BTreeSet<u32>) {
    let step = text
        .strip_prefix("*/")
        .map(|step| step.parse::<u32>().expect("a step"));
    let set = match (text, step) {
        ("*", _) => (low..=high).collect(),
        (_, Some(step)) => (low..=high)
            .filter(|value| (value - low).is_multiple_of(step))
            .collect(),
        _ => text
            .split(',')
            .map(|value| value.parse().expect("a number"))
            .collect(),
    };
    (text.starts_with('*'), set)
}

impl Slow {
    fn read(cron: &str) -> Slow {
        let fields: Vec<_> = cron.split(' ').collect();
        Slow {
            minute: field(fields[0], 0, 59),
            hour: field(fields[1], 0, 23),
            day: field(fields[2], 1, 31),
            weekday: field(fields[4], 0, 6),
        }
    }

    fn matches(&self, local: NaiveDateTime) -> bool {
        let day = self.day.1.contains(&local.day());
        let weekday = self.weekday.1.contains(&local.weekday().num_days_from_sunday());
        let date = if self.day.0 || self.weekday.0 {
            day && weekday
        } else {
            day || weekday
        };
        date && self.hour.1.contains(&local.hour()) && self.minute.1.contains(&local.minute())
    }

    /// Walks through every minute, looking at what the clock on the wall does.
    fn runs(&self, zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let hourly = self.hour.1.len() == 24;
        let mut runs = Vec::new();
        let mut now = from + Duration::minutes(1);
        while now <= to {
            let local = now.with_timezone(&zone).naive_local();
            let again = match zone.from_local_datetime(&local) {
                LocalResult::Ambiguous(first, _) => first.to_utc() != now,
                _ => false,
            };
            let mut due = self.matches(local) && (!again || hourly || self.minute.0);
            let mut skipped =
                (now - Duration::minutes(1)).with_timezone(&zone).naive_local() + Duration::minutes(1);
            while skipped < local {
                due |= !hourly && self.matches(skipped);
                skipped += Duration::minutes(1);
            }
            if due {
                runs.push(now);
            }
            now += Duration::minutes(1);
        }
        runs
    }
}

#[test]
fn a_slow_walk_through_every_minute_comes_to_the_same_runs() {
    let changes = [
        ("America/New_York", ["2026-03-06 00:00", "2026-10-30 00:00"]),
        ("Europe/London", ["2026-03-27 00:00", "2026-10-23 00:00"]),
        ("Asia/Kolkata", ["2026-03-06 00:00", "2026-10-30 00:00"]),
        ("Australia/Lord_Howe", ["2026-04-02 00:00", "2026-10-01 00:00"]),
        ("Africa/Casablanca", ["2026-02-13 00:00", "2026-03-20 00:00"]),
        ("America/Sao_Paulo", ["2018-02-15 00:00", "2018-11-01 00:00"]),
        ("Europe/Dublin", ["2026-03-27 00:00", "2026-10-23 00:00"]),
        ("Pacific/Apia", ["2011-12-28 00:00", "2012-03-30 00:00"]),
    ];
    let crons = [
        "* * * * *",
        "*/7 * * * *",
        "0 * * * *",
        "30 * * * *",
        "30 2 * * *",
        "0 0 * * *",
        "15,45 1,2 * * *",
        "*/20 1,2 * * *",
        "0 */2 * * *",
        "30 1 */2 * *",
        "0 3 * * 0",
        "5 2 1,8 * 0",
    ];
    for (zone, starts) in changes {
        let tz: Tz = zone.parse().expect("a zone");
        for start in starts {
            let (from, to) = (at(start), at(start) + Duration::days(4));
            for cron in crons {
                let mut after = from;
                let mut found = Vec::new();
                // In pieces, so that every kind of instant is also asked for as the beginning.
                loop {
                    let runs =
                        next_runs(cron, zone, after, 997).unwrap_or_else(|error| panic!("{cron}: {error}"));
                    found.extend(runs.iter().copied().filter(|run| *run <= to));
                    match runs.last() {
                        Some(last) if *last < to => after = *last,
                        _ => break,
                    }
                }
                assert_eq!(
                    found,
                    Slow::read(cron).runs(tz, from, to),
                    "{cron} in {zone} from {start}"
                );
            }
        }
    }
}
