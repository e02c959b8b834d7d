//! What is shown of values, and what is cut.

use serde_json::json;

use super::*;

fn json_of(shown: Shown<'_>) -> Value {
    serde_json::to_value(shown).unwrap()
}

#[test]
fn each_value_is_shown_up_to_its_limit_and_all_up_to_theirs() {
    let limits = Limits {
        max_shown: 10,
        max_shown_total: 25,
        ..Limits::default()
    };
    let value = Arc::new(json!("12345678")); // ten bytes as JSON
    let mut summary = Summary::new(&limits);
    let cut = json!({ "cut": true, "preview": "12345678" });
    assert_eq!(json_of(summary.shown(&value, None)), *value);
    summary.each = 9;
    assert_eq!(json_of(summary.shown(&value, None)), cut);
    summary.each = 10;
    assert_eq!(json_of(summary.shown(&value, None)), *value);
    assert_eq!(json_of(summary.shown(&value, None)), cut);
    assert_eq!(summary.left, 5);
}

#[test]
fn what_was_cut_can_be_known_again() {
    assert_eq!(preview(&json!([1, 2])), "a list of 2");
    assert_eq!(
        preview(&json!({"status": 200, "body": ""})),
        "an object with body, status"
    );
    assert_eq!(preview(&json!("x".repeat(300))).len(), 200);
}

#[test]
fn a_line_is_whole_where_nothing_of_it_is_cut() {
    let limits = Limits {
        max_shown: 10,
        max_shown_total: 100,
        ..Limits::default()
    };
    let mut left = limits.max_shown_total;
    let mut entry = Entry::of_none();
    assert!(entry.is_whole());
    let (short, long) = (json!("short"), json!("longer than ten"));
    entry.input = Some(Shown::within(limits.max_shown, &mut left, &short));
    assert!(entry.is_whole());
    entry.output = Some(Shown::within(limits.max_shown, &mut left, &long));
    assert!(!entry.is_whole());
    assert_eq!(Summary::new(&limits).next_line(), Some(0));
}

#[test]
fn what_is_shown_already_is_not_sent_again_but_counts() {
    let limits = Limits {
        max_shown: 10,
        max_shown_total: 35,
        ..Limits::default()
    };
    let (one, same) = (Arc::new(json!("12345678")), Arc::new(json!("12345678")));
    let mut summary = Summary::new(&limits);
    let is_at = |shown: Shown<'_>| shown.spot().map(|Spot(line, part)| (line, part));
    assert_eq!(is_at(summary.shown(&one, Some(Spot(0, "input")))), None);
    assert_eq!(
        is_at(summary.shown(&one, Some(Spot(0, "output")))),
        Some((0, "input"))
    );
    // what only looks the same is another value
    assert_eq!(is_at(summary.shown(&same, Some(Spot(1, "output")))), None);
    assert_eq!(summary.left, 5);
    assert!(matches!(summary.shown(&one, None), Shown::Cut { .. }));
}

#[test]
fn a_value_at_the_address_of_one_that_is_gone_is_another() {
    let mut summary = Summary::new(&Limits::default());
    for n in 0..100 {
        let value = Arc::new(json!({ "n": n }));
        assert!(summary.shown(&value, Some(Spot(n, "output"))).spot().is_none());
    }
    assert_eq!(summary.seen.len(), REMEMBERED);
}

#[test]
fn only_so_much_is_shown_again() {
    let limits = Limits {
        max_shown: 1 << 20,
        max_shown_total: 16 << 20,
        ..Limits::default()
    };
    let value = Arc::new(json!("x".repeat(SHOWN_AGAIN / 2)));
    let mut summary = Summary::new(&limits);
    let again = (0..10).filter(|n| summary.shown(&value, Some(Spot(*n, "output"))).spot().is_some());
    assert_eq!(again.count(), 1);
}
