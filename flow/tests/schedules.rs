//! When schedules are due: the fields of crontab, and clocks that go forward and back.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use flow::{ScheduleError, next_runs};

fn at(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M")
        .expect("a time")
        .and_utc()
}

/// The next runs, in the zone's own time.
fn local(cron: &str, zone: &str, after: &str, n: usize) -> Vec<String> {
    let tz: Tz = zone.parse().expect("a zone");
    let runs = next_runs(cron, zone, at(after), n).unwrap_or_else(|error| panic!("{cron}: {error}"));
    runs.iter()
        .map(|run| run.with_timezone(&tz).format("%Y-%m-%d %H:%M %:z").to_string())
        .collect()
}

fn utc(cron: &str, after: &str, n: usize) -> Vec<String> {
    let runs = next_runs(cron, "UTC", at(after), n).unwrap_or_else(|error| panic!("{cron}: {error}"));
    runs.iter()
        .map(|run| run.format("%Y-%m-%d %H:%M").to_string())
        .collect()
}

#[test]
fn five_fields_names_and_nicknames() {
    let start = "2026-01-01 00:00";
    assert_eq!(
        utc("*/20 * * * *", start, 3),
        ["2026-01-01 00:20", "2026-01-01 00:40", "2026-01-01 01:00"]
    );
    assert_eq!(
        utc("30 9 * * mon-fri", "2026-01-02 09:30", 2),
        ["2026-01-05 09:30", "2026-01-06 09:30"]
    );
    assert_eq!(
        utc("0 0 1 JAN,jul *", start, 2),
        ["2026-07-01 00:00", "2027-01-01 00:00"]
    );
    assert_eq!(utc("0 12 * * 7", start, 1), ["2026-01-04 12:00"]);
    assert_eq!(utc("0 12 * * 0", start, 1), ["2026-01-04 12:00"]);
    assert_eq!(
        utc("0 12 * * fri-sun", start, 3),
        ["2026-01-02 12:00", "2026-01-03 12:00", "2026-01-04 12:00"]
    );
    assert_eq!(
        utc("5-15/5 8 * * *", start, 3),
        ["2026-01-01 08:05", "2026-01-01 08:10", "2026-01-01 08:15"]
    );
    for (nickname, first) in [
        ("@yearly", "2027-01-01 00:00"),
        ("@annually", "2027-01-01 00:00"),
        ("@monthly", "2026-02-01 00:00"),
        ("@weekly", "2026-01-04 00:00"),
        ("@daily", "2026-01-02 00:00"),
        ("@Midnight", "2026-01-02 00:00"),
        ("@hourly", "2026-01-01 01:00"),
    ] {
        assert_eq!(utc(nickname, start, 1), [first], "{nickname}");
    }
}

#[test]
fn the_time_after_which_runs_are_asked_for_is_not_one_of_them() {
    assert_eq!(utc("0 0 * * *", "2026-01-01 00:00", 1), ["2026-01-02 00:00"]);
    let almost = at("2026-01-01 00:00") - Duration::milliseconds(1);
    assert_eq!(
        next_runs("0 0 * * *", "UTC", almost, 1),
        Ok(vec![at("2026-01-01 00:00")])
    );
    assert_eq!(next_runs("0 0 * * *", "UTC", almost, 0), Ok(vec![]));
}

#[test]
fn day_of_month_and_day_of_week_are_joined_as_crontab_does() {
    // Both restricted: either is enough.
    assert_eq!(
        utc("0 0 13 * 5", "2026-01-01 00:00", 3),
        ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]
    );
    // A field that begins with a star is not restricted: both must match.
    assert_eq!(
        utc("0 0 */2 * 1", "2026-01-01 00:00", 3),
        ["2026-01-05 00:00", "2026-01-19 00:00", "2026-02-09 00:00"]
    );
    assert_eq!(
        utc("0 0 1-7 * */7", "2026-01-01 00:00", 2),
        ["2026-01-04 00:00", "2026-02-01 00:00"]
    );
    assert_eq!(
        utc("0 0 31 * *", "2026-01-31 00:00", 2),
        ["2026-03-31 00:00", "2026-05-31 00:00"]
    );
    assert_eq!(
        utc("0 0 29 2 *", "2026-01-01 00:00", 2),
        ["2028-02-29 00:00", "2032-02-29 00:00"]
    );
    assert_eq!(utc("0 0 29 2 *", "2097-01-01 00:00", 1), ["2104-02-29 00:00"]);
    assert_eq!(utc("0 0 30 2 1", "2026-01-01 00:00", 1), ["2026-02-02 00:00"]);
}

#[test]
fn last_days_nearest_weekdays_and_nth_weekdays_are_understood() {
    assert_eq!(
        utc("0 0 L * *", "2026-01-01 00:00", 2),
        ["2026-01-31 00:00", "2026-02-28 00:00"]
    );
    assert_eq!(utc("0 0 15W * *", "2026-02-01 00:00", 1), ["2026-02-16 00:00"]);
    assert_eq!(utc("0 0 * * fri#2", "2026-01-01 00:00", 1), ["2026-01-09 00:00"]);
    assert_eq!(utc("0 0 * * 5L", "2026-01-01 00:00", 1), ["2026-01-30 00:00"]);
}

#[test]
fn what_is_no_schedule_is_refused_with_a_sentence() {
    let refused = |cron: &str| next_runs(cron, "UTC", at("2026-01-01 00:00"), 1).expect_err(cron);
    for cron in [
        "",
        " ",
        "* * * *",
        "* * * * * *",
        "* * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "* * * * +1",
        "@reboot",
        "@soon",
        "@",
        "é * * * *",
        "-1 * * * *",
        "1,,2 * * * *",
        "* * * * MONDAY",
        "0/5 * * * *",
        "99999999999999999999 * * * *",
        "*/99999999999 * * * *",
        "1-2-3 * * * *",
        "SUN * * * *",
        "0 0 1JAN * *",
        "0 0 * JANFEB *",
        "0 0 * MON *",
        "0 0 * * JAN",
        ", * * * *",
        "0 0 - * *",
        "1/ * * * *",
        "001 * * * *",
        "* * * * 1#9",
        "* * W * *",
        "\u{0} * * * *",
    ] {
        assert!(
            matches!(refused(cron), ScheduleError::Cron(_)),
            "{cron}: {:?}",
            refused(cron)
        );
    }
    assert!(
        refused("* * * * * *")
            .to_string()
            .contains("6 fields; five are needed")
    );
    for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 * * L"] {
        assert_eq!(refused(never), ScheduleError::Never, "{never}");
    }
    assert_eq!(refused(&"1,".repeat(600)), ScheduleError::TooLong(1_200));
    let zone = |zone: &str| next_runs("* * * * *", zone, at("2026-01-01 00:00"), 1);
    for unknown in [
        "Mars/Base",
        "CEST",
        "+01:00",
        "../etc/passwd",
        "Europe/Berlin\u{0}",
    ] {
        assert!(
            matches!(zone(unknown), Err(ScheduleError::Timezone(_))),
            "{unknown}"
        );
    }
    assert!(
        zone("Mars/Base")
            .expect_err("unknown")
            .to_string()
            .contains("`Mars/Base`: use an IANA name")
    );
    assert!(zone("").is_ok());
}

#[test]
fn the_number_of_runs_and_the_times_of_search_are_bounded() {
    assert_eq!(
        utc("* * * * *", "2026-01-01 00:00", 1_000_000).len(),
        flow::schedule::MAX_RUNS
    );
    assert_eq!(utc("0 0 29 2 *", "2026-01-01 00:00", 1_000).len(), 24);
    for after in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert_eq!(next_runs("* * * * *", "UTC", after, 1), Err(ScheduleError::Never));
    }
    assert_eq!(
        utc("0 0 * * *", "2038-01-18 12:00", 2),
        ["2038-01-19 00:00", "2038-01-20 00:00"]
    );
}

#[test]
fn a_time_that_a_clock_skips_runs_once_at_the_first_valid_instant() {
    // 8 March 2026, 02:00 EST becomes 03:00 EDT.
    let day = "2026-03-08 05:30";
    for cron in [
        "30 2 * * *",
        "0,15,30 2 * * *",
        "10-20 2 * * *",
        "*/15 2 * * *",
        "0 2,3 * * *",
        "0 */2 * * *",
    ] {
        let runs = local(cron, "America/New_York", day, 2);
        assert_eq!(runs[0], "2026-03-08 03:00 -04:00", "{cron}");
        assert!(*runs[1] > *"2026-03-08 03:59", "{cron}: {runs:?}");
    }
    // What runs in every hour follows elapsed time.
    assert_eq!(
        local("30 * * * *", "America/New_York", "2026-03-08 06:00", 2),
        ["2026-03-08 01:30 -05:00", "2026-03-08 03:30 -04:00"]
    );
    assert_eq!(
        local("*/30 * * * *", "America/New_York", "2026-03-08 06:00", 3),
        [
            "2026-03-08 01:30 -05:00",
            "2026-03-08 03:00 -04:00",
            "2026-03-08 03:30 -04:00"
        ]
    );
    assert_eq!(
        local("30 1 * * *", "Europe/London", "2026-03-28 12:00", 2),
        ["2026-03-29 02:00 +01:00", "2026-03-30 01:30 +01:00"]
    );
    // Half an hour in Lord Howe; midnight in Sao Paulo; a whole day in Apia.
    assert_eq!(
        local("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00", 1),
        ["2026-10-04 02:30 +11:00"]
    );
    assert_eq!(
        local("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00", 2),
        ["2018-11-04 01:00 -02:00", "2018-11-05 00:00 -02:00"]
    );
    assert_eq!(
        local("0 9 * * *", "Pacific/Apia", "2011-12-29 12:00", 3),
        [
            "2011-12-29 09:00 -10:00",
            "2011-12-31 00:00 +14:00",
            "2011-12-31 09:00 +14:00"
        ]
    );
    assert_eq!(
        local("30 2 * * *", "Asia/Kolkata", "2026-03-07 12:00", 2),
        ["2026-03-08 02:30 +05:30", "2026-03-09 02:30 +05:30"]
    );
}

#[test]
fn a_time_that_a_clock_repeats_runs_once_and_an_interval_runs_on() {
    // 1 November 2026, 02:00 EDT becomes 01:00 EST.
    let day = "2026-11-01 04:30";
    assert_eq!(
        local("30 1 * * *", "America/New_York", day, 2),
        ["2026-11-01 01:30 -04:00", "2026-11-02 01:30 -05:00"]
    );
    assert_eq!(
        local("0,30 1 * * *", "America/New_York", day, 3),
        [
            "2026-11-01 01:00 -04:00",
            "2026-11-01 01:30 -04:00",
            "2026-11-02 01:00 -05:00"
        ]
    );
    assert_eq!(
        local("0 1-2 * * *", "America/New_York", day, 3),
        [
            "2026-11-01 01:00 -04:00",
            "2026-11-01 02:00 -05:00",
            "2026-11-02 01:00 -05:00"
        ]
    );
    assert_eq!(
        local("30 * * * *", "America/New_York", "2026-11-01 05:00", 3),
        [
            "2026-11-01 01:30 -04:00",
            "2026-11-01 01:30 -05:00",
            "2026-11-01 02:30 -05:00"
        ]
    );
    assert_eq!(
        local("*/30 1 * * *", "America/New_York", day, 4),
        [
            "2026-11-01 01:00 -04:00",
            "2026-11-01 01:30 -04:00",
            "2026-11-01 01:00 -05:00",
            "2026-11-01 01:30 -05:00"
        ]
    );
    // Asked for from within the repeated hour.
    assert_eq!(
        local("30 1 * * *", "America/New_York", "2026-11-01 06:10", 1),
        ["2026-11-02 01:30 -05:00"]
    );
    assert_eq!(
        local("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00", 2),
        ["2026-04-05 01:45 +11:00", "2026-04-06 01:45 +10:30"]
    );
    assert_eq!(
        local("30 23 * * *", "America/Sao_Paulo", "2018-02-17 12:00", 2),
        ["2018-02-17 23:30 -02:00", "2018-02-18 23:30 -03:00"]
    );
    assert_eq!(
        local("30 1 * * *", "Europe/Dublin", "2026-10-24 12:00", 2),
        ["2026-10-25 01:30 +01:00", "2026-10-26 01:30 +00:00"]
    );
}

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

#[test]
fn no_text_makes_the_reader_panic() {
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let pieces = [
        "*", "/", "-", ",", "0", "5", "12", "59", "31", "99", " ", " ", " ", "L", "W", "#", "?", "+", "MON",
        "JAN", "@daily", "SUN-",
    ];
    for _ in 0..5_000 {
        let cron: String = (0..next(16) + 1).map(|_| pieces[next(pieces.len())]).collect();
        let _ = next_runs(&cron, "Europe/Berlin", at("2026-03-01 00:00"), 2);
        let fields = format!(
            "{} {} {} * {}",
            pieces[next(10)],
            pieces[next(10)],
            cron.replace(' ', ""),
            pieces[next(16)]
        );
        let _ = next_runs(&fields, "UTC", at("2026-03-01 00:00"), 2);
    }
}
