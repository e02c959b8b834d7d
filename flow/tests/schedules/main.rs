//! When schedules are due: the fields of crontab, what is refused, and what a search may cost.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

mod clocks;
mod slow;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
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
