//! What an automation may say about how it is run.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::time::Duration;

use flow::Options;
use flow::options::{Entry, ReEntry};
use serde_json::{Value, json};

fn said(options: Value) -> String {
    Options::from_json(&options).unwrap_err().message
}

#[test]
fn what_is_not_said_has_its_usual_meaning() {
    for nothing in [
        json!({}),
        json!(null),
        json!({"max_in_flight": null, "priority": null, "timeout_seconds": null}),
    ] {
        assert_eq!(Options::from_json(&nothing).unwrap(), Options::default());
    }
    assert_eq!(
        Entry::from_config(&json!({"re_entry": ""})).unwrap(),
        Entry::default()
    );
}

#[test]
fn what_is_said_counts_and_unknown_keys_are_left_alone() {
    let options =
        json!({"max_in_flight": 3, "priority": -5, "timeout_seconds": 0.25, "error_limit": 0, "mood": []});
    assert_eq!(
        Options::from_json(&options).unwrap(),
        Options {
            max_in_flight: Some(3),
            priority: -5,
            timeout: Some(Duration::from_millis(250)),
            error_limit: Some(0),
        }
    );
    let entry = json!({"re_entry": "after_finish", "debounce_seconds": 90});
    assert_eq!(
        Entry::from_config(&entry).unwrap(),
        Entry {
            re_entry: ReEntry::AfterFinish,
            debounce: Some(Duration::from_secs(90)),
        }
    );
    assert_eq!(
        Entry::from_config(&json!({"debounce_seconds": 0})).unwrap(),
        Entry::default()
    );
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_sentence_that_names_it() {
    for wrong in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("3"),
        json!(true),
        json!([]),
        json!(1e30),
    ] {
        let sentence = said(json!({"max_in_flight": wrong}));
        assert!(
            sentence.starts_with("`max_in_flight` must be a whole number from 1"),
            "{wrong}: {sentence}"
        );
    }
    for wrong in [json!("high"), json!(0.5), json!({})] {
        assert!(said(json!({"priority": wrong})).contains("`priority`"), "{wrong}");
    }
    for wrong in [json!(0), json!(-3), json!("60"), json!(1e300)] {
        assert!(
            said(json!({"timeout_seconds": wrong})).contains("above 0"),
            "{wrong}"
        );
    }
    for wrong in [json!(-1), json!("never"), json!(false)] {
        assert!(
            said(json!({"error_limit": wrong})).contains("`error_limit`"),
            "{wrong}"
        );
    }
    assert_eq!(said(json!([])), "`options` must be an object");
    for wrong in [
        json!({"re_entry": "sometimes"}),
        json!({"re_entry": true}),
        json!({"debounce_seconds": -1}),
        json!({"debounce_seconds": "soon"}),
    ] {
        assert!(Entry::from_config(&wrong).is_err(), "{wrong}");
    }
}
