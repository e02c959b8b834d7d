//! Schedule triggers: what is refused when one is saved, and what is due after a while in which nothing ran.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may fail")]

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use flow::Schedule;
use flow::trigger::schedule::{Fire, Slot};
use serde_json::{Value, json};

const ID: [u8; 16] = [7; 16];

fn at(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M"))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .and_utc()
}

fn schedule(config: Value) -> Schedule {
    Schedule::from_config(&config, at("2026-01-01 00:00"))
        .unwrap_or_else(|problem| panic!("{config}: {problem}"))
}

/// The fires as text, `12:00 x3` for one that makes up for three, and the next time.
fn due(config: Value, from: &str, now: &str) -> (Vec<String>, Option<String>) {
    let (fires, next) = schedule(config).due(ID, at(from), at(now));
    let one = |fire: &Fire| match fire.missed {
        0 => fire.at.format("%d %H:%M").to_string(),
        missed => format!("{} x{missed}", fire.at.format("%d %H:%M")),
    };
    (
        fires.iter().map(one).collect(),
        next.map(|next| next.at.format("%d %H:%M").to_string()),
    )
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_setting_that_cannot_be_meant_is_refused_by_its_name() {
    let daily = |key: &str, value: Value| json!({"cron": "@daily", key: value});
    for (config, words) in [
        (json!({}), "`cron` is missing"),
        (json!({"cron": " "}), "`cron` is missing"),
        (json!({"cron": null}), "`cron` is missing"),
        (json!({"cron": 5}), "`cron` must be text"),
        (json!({"cron": "* * *"}), "3 fields; five are needed"),
        (json!({"cron": "61 * * * *"}), "`cron` is refused"),
        (json!({"cron": "0 0 30 2 *"}), "never matches a date"),
        (json!({"cron": "0 0 31 4,6,9,11 *"}), "never matches a date"),
        (
            daily("timezone", json!("Mars/Base")),
            "`timezone` is refused: unknown time zone `Mars/Base`",
        ),
        (daily("timezone", json!(["UTC"])), "`timezone` must be text"),
        (daily("start_at", json!("soon")), "`start_at` must be a time"),
        (daily("start_at", json!("infinity")), "`start_at` must be a time"),
        (daily("end_at", json!("-infinity")), "`end_at` must be a time"),
        (daily("end_at", json!("9999-12-31")), "`end_at` must be a time"),
        (daily("end_at", json!(true)), "`end_at` must be a time"),
        (
            json!({"cron": "@daily", "start_at": "2026-02-01", "end_at": "2026-01-31T23:59:59Z"}),
            "`end_at` is before `start_at`",
        ),
        (
            daily("missed", json!("never")),
            "`missed` must be once, skip or all",
        ),
        (
            daily("overlap", json!("queue")),
            "`overlap` must be allow or skip",
        ),
        (
            daily("jitter_seconds", json!(-1)),
            "`jitter_seconds` must be a number",
        ),
        (
            daily("jitter_seconds", json!(86_401)),
            "`jitter_seconds` must be a number",
        ),
        (
            daily("jitter_seconds", json!("ten")),
            "`jitter_seconds` must be a number",
        ),
    ] {
        let refused = Schedule::from_config(&config, at("2026-01-01 00:00"));
        let problem = refused.err().unwrap_or_else(|| panic!("{config} is taken"));
        assert!(problem.message.contains(words), "{config}: {problem}");
    }
    schedule(json!({"cron": "@daily", "timezone": "", "start_at": "", "end_at": null, "jitter_seconds": ""}));
}

#[test]
fn a_fire_within_a_minute_is_on_time_whatever_becomes_of_missed_ones() {
    for missed in ["once", "skip", "all"] {
        let config = json!({"cron": "0 * * * *", "missed": missed});
        for now in ["2026-05-04 10:00:00", "2026-05-04 10:00:59"] {
            let expected = (vec!["04 10:00".to_owned()], Some("04 11:00".to_owned()));
            assert_eq!(
                due(config.clone(), "2026-05-04 10:00", now),
                expected,
                "{missed} at {now}"
            );
        }
        let early = due(config, "2026-05-04 10:00", "2026-05-04 09:59:59");
        assert_eq!(early, (none(), Some("04 10:00".to_owned())));
    }
}

#[test]
fn an_outage_of_a_minute_two_hours_and_three_days_is_made_up_for_as_the_schedule_says() {
    let quarters = |missed: &str, now: &str| {
        due(
            json!({"cron": "*/15 * * * *", "missed": missed}),
            "2026-05-04 10:00",
            now,
        )
    };
    // a minute: 10:00 is late, nothing else was due
    assert_eq!(quarters("once", "2026-05-04 10:01").0, ["04 10:00 x1"]);
    assert_eq!(
        quarters("skip", "2026-05-04 10:01"),
        (none(), Some("04 10:15".to_owned()))
    );
    assert_eq!(quarters("all", "2026-05-04 10:01").0, ["04 10:00 x1"]);
    // two hours: 10:00 to 11:45 are late, 12:00 is on time
    assert_eq!(quarters("once", "2026-05-04 12:00:20").0, ["04 12:00 x8"]);
    assert_eq!(quarters("skip", "2026-05-04 12:00:20").0, ["04 12:00"]);
    let all = quarters("all", "2026-05-04 12:00:20").0;
    assert_eq!(
        (all.len(), all[0].as_str(), all[7].as_str(), all[8].as_str()),
        (9, "04 10:00 x1", "04 11:45 x1", "04 12:00")
    );
    assert_eq!(
        quarters("once", "2026-05-04 12:10"),
        (vec!["04 12:00 x9".to_owned()], Some("04 12:15".to_owned()))
    );
    // three days: 288 of them, of which the newest hundred are made up for one by one
    assert_eq!(quarters("once", "2026-05-07 09:50").0, ["07 09:45 x288"]);
    assert_eq!(quarters("skip", "2026-05-07 09:50").0, none());
    let all = quarters("all", "2026-05-07 09:50").0;
    assert_eq!(all.len(), 100);
    assert_eq!(
        (all[0].as_str(), all[1].as_str(), all[99].as_str()),
        ("06 09:00 x189", "06 09:15 x1", "07 09:45 x1")
    );
}

#[test]
fn ten_years_of_a_schedule_of_every_minute_are_looked_at_from_their_end() {
    for (cron, last) in [
        ("* * * * *", "04 10:00"),
        ("* 0 1 1 *", "01 00:59"),
        ("0 0 29 2 *", "29 00:00"),
    ] {
        let (fires, next) = due(
            json!({"cron": cron, "missed": "all"}),
            "1970-01-01 00:00",
            "2026-05-04 10:00:00",
        );
        assert!(
            fires.len() <= 101 && fires.last().is_some_and(|fire| fire.starts_with(last)),
            "{cron}: {fires:?}"
        );
        assert!(next.is_some());
    }
    let (fires, _) = due(
        json!({"cron": "* * * * *"}),
        "2016-05-04 00:00",
        "2026-05-04 10:01:00",
    );
    assert_eq!(fires, ["04 10:01 x999"], "it stops counting at a thousand");
}

#[test]
fn a_row_that_says_another_time_than_the_schedule_fires_only_times_of_the_schedule() {
    let config = json!({"cron": "0 9 * * *"});
    assert_eq!(
        due(config.clone(), "2026-05-04 08:13:27", "2026-05-04 09:00:05").0,
        ["04 09:00"]
    );
    assert_eq!(
        due(config.clone(), "2026-05-04 08:13:27", "2026-05-04 08:59"),
        (none(), Some("04 09:00".to_owned()))
    );
    // the clock went back: nothing is due, and nothing is left out
    assert_eq!(
        due(config, "2026-05-05 09:00", "2026-05-04 08:00"),
        (none(), Some("05 09:00".to_owned()))
    );
}

#[test]
fn nothing_runs_before_the_start_nor_after_the_end_and_both_are_times_of_it() {
    let config = json!({"cron": "@hourly", "start_at": "2026-05-04T10:00:00Z", "end_at": "2026-05-04T14:00:00+02:00", "missed": "all"});
    let all = schedule(config.clone());
    let next = |after: &str| {
        all.next(ID, at(after))
            .map(|slot| slot.at.format("%d %H:%M").to_string())
    };
    assert_eq!(next("2026-01-01 00:00").as_deref(), Some("04 10:00"));
    assert_eq!(next("2026-05-04 11:30").as_deref(), Some("04 12:00"));
    assert_eq!(next("2026-05-04 12:00"), None);
    let (fires, next) = due(config, "2026-05-04 00:00", "2026-05-09 00:00");
    assert_eq!(
        (fires, next),
        (
            vec![
                "04 10:00 x1".to_owned(),
                "04 11:00 x1".to_owned(),
                "04 12:00 x1".to_owned()
            ],
            None
        )
    );
}

#[test]
fn jitter_is_the_same_for_all_who_ask_differs_between_automations_and_never_reaches_the_next_time() {
    let config = json!({"cron": "*/5 * * * *", "jitter_seconds": 86_400});
    let (one, other) = (schedule(config.clone()), schedule(config));
    let mut delays = std::collections::BTreeSet::new();
    let mut after = at("2026-05-04 10:00");
    for _ in 0..200 {
        let slot = one.next(ID, after).expect("a next time");
        assert_eq!(Some(slot), other.next(ID, after));
        let delay = slot.due - slot.at;
        assert!(
            delay >= TimeDelta::zero() && delay < TimeDelta::minutes(5),
            "{slot:?}"
        );
        assert_ne!(Some(slot.due), one.next([8; 16], after).map(|slot| slot.due));
        delays.insert(delay);
        after = slot.at;
    }
    assert!(delays.len() > 190, "{} different delays", delays.len());
    // Pinned, because daemons of two versions have to agree.
    let pinned = schedule(json!({"cron": "@daily", "jitter_seconds": 600})).next(ID, at("2026-05-04 10:00"));
    let Some(Slot { at: slot, due }) = pinned else {
        panic!("a next time")
    };
    assert_eq!(
        (slot, (due - slot).num_milliseconds()),
        (at("2026-05-05 00:00"), 61_502)
    );
}

#[test]
fn what_waits_for_its_jitter_is_not_missed() {
    let all = schedule(json!({"cron": "@hourly", "jitter_seconds": 3_000, "missed": "skip"}));
    let mut from = at("2026-05-04 10:00");
    for _ in 0..50 {
        let slot = all.next(ID, from).expect("a next time");
        let before = slot.due - TimeDelta::milliseconds(1);
        assert_eq!(all.due(ID, slot.at, before), (vec![], Some(slot)));
        let (fires, next) = all.due(ID, slot.at, slot.due);
        assert_eq!(
            fires,
            [Fire {
                at: slot.at,
                missed: 0
            }]
        );
        assert_eq!(next, all.next(ID, slot.at));
        from = slot.at;
    }
}

#[test]
fn times_past_2038_and_leap_days_come() {
    let next = |cron: &str, after: &str| {
        schedule(json!({"cron": cron}))
            .next(ID, at(after))
            .map(|slot| slot.at)
    };
    assert_eq!(
        next("14 3 19 1 *", "2038-01-19 03:00"),
        Some(at("2038-01-19 03:14"))
    );
    assert_eq!(
        next("* * * * *", "2038-01-19 03:14"),
        Some(at("2038-01-19 03:15"))
    );
    assert_eq!(
        next("0 0 29 2 *", "2026-01-01 00:00"),
        Some(at("2028-02-29 00:00"))
    );
    assert_eq!(
        next("0 0 31 * *", "2026-01-31 00:00"),
        Some(at("2026-03-31 00:00"))
    );
}
