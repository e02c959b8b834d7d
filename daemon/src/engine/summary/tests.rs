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
    let (value, mut summary) = (json!("12345678"), Summary::new(&limits)); // ten bytes as JSON
    let cut = json!({ "cut": true, "preview": "12345678" });
    assert_eq!(json_of(summary.shown(&value)), value);
    summary.each = 9;
    assert_eq!(json_of(summary.shown(&value)), cut);
    summary.each = 10;
    assert_eq!(json_of(summary.shown(&value)), value);
    assert_eq!(json_of(summary.shown(&value)), cut);
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
