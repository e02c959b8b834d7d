//! What is written when a story ends.

use flow::Outcome;
use serde_json::{Value, json};

use super::super::ending::Ending;
use super::*;

fn end_of(story: &Story) -> Value {
    let ending = Ending::of(story, story.end().unwrap(), &Limits::default(), Vec::new());
    serde_json::to_value(ending).unwrap()
}

fn statuses(executed: &Value) -> Vec<(String, String)> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    executed
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (text(entry, "node_id"), text(entry, "status")))
        .collect()
}

#[test]
fn nodes_are_listed_in_order_of_completion_and_those_never_reached_last() {
    let plan = plan(
        &[
            ("t", "trigger-manual"),
            ("c", "logic-condition"),
            ("yes", "logic-merge"),
            ("no", "logic-merge"),
        ],
        &[("t", "", "c"), ("c", "true", "yes"), ("c", "false", "no")],
    );
    let (mut story, _) = start(plan);
    story
        .complete(&step("t"), told(json!(1), Outcome::Default))
        .unwrap();
    story
        .complete(&step("c"), told(json!(true), Outcome::Chose(vec!["true".into()])))
        .unwrap();
    assert_eq!(super::listed(&story).as_array().unwrap().len(), 2); // while it waits
    story
        .complete(&step("yes"), told(json!("last"), Outcome::Default))
        .unwrap();
    let result = end_of(&story);
    assert_eq!(result["status"], "completed");
    // what is shown is not sent a second time
    assert_eq!((result.get("output"), &result["output_line"]), (None, &json!(2)));
    assert_eq!(result["nodes_executed"][2]["output"], "last");
    let expected = [
        ("t", "success"),
        ("c", "success"),
        ("yes", "success"),
        ("no", "skipped"),
    ];
    let expected: Vec<_> = expected
        .map(|(id, status)| (id.to_owned(), status.to_owned()))
        .into();
    assert_eq!(statuses(&result["nodes_executed"]), expected);
}

#[test]
fn a_failure_names_its_node_its_code_and_its_message() {
    let (mut story, _) = start(diamond());
    story
        .complete(&step("t"), told(Value::Null, Outcome::Default))
        .unwrap();
    let error = Arc::new(json!({"message": "too big\u{0}", "code": "too_large"}));
    story
        .complete(
            &step("b"),
            Told {
                error: Some(error),
                ..told(Value::Null, Outcome::Failed)
            },
        )
        .unwrap();
    let result = end_of(&story);
    assert_eq!(result["status"], "failed");
    assert_eq!(result["error_node_id"], "b");
    assert_eq!(result["error_code"], "too_large");
    assert_eq!(result["error"], "too big\u{FFFD}");
    assert_eq!(result["output"], Value::Null);
}

#[test]
fn a_code_that_the_contract_does_not_know_is_node_failed() {
    let (mut story, _) = start(diamond());
    let error = Arc::new(json!({"message": "x", "code": "whatever"}));
    story
        .complete(
            &step("t"),
            Told {
                error: Some(error),
                ..told(Value::Null, Outcome::Failed)
            },
        )
        .unwrap();
    assert_eq!(end_of(&story)["error_code"], "node_failed");
}

#[test]
fn the_step_budget_names_what_ran_most() {
    let plan = plan(
        &[
            ("t", "trigger-manual"),
            ("c", "logic-condition"),
            ("a", "logic-merge"),
        ],
        &[("t", "", "c"), ("c", "true", "a"), ("a", "", "c")],
    );
    let limits = Limits {
        max_steps: 9,
        ..Limits::default()
    };
    let (mut story, mut moves) = Story::start(plan, Arc::default(), &limits);
    while story.end().is_none() {
        let begun = moves.begin.remove(0);
        let outcome = match &*begun.step.node {
            "c" => Outcome::Chose(vec!["true".into()]),
            _ => Outcome::Default,
        };
        moves = story.complete(&begun.step, told(Value::Null, outcome)).unwrap();
    }
    let result = end_of(&story);
    assert_eq!(result["error_code"], "step_budget");
    assert!(
        result["error"]
            .as_str()
            .unwrap()
            .contains("this cycle does not end: a -> c -> a (4 times)"),
        "{}",
        result["error"]
    );
}

#[test]
fn what_fails_beside_its_steps_still_tells_of_them() {
    let (mut story, _) = start(diamond());
    let sets = Told {
        variables: json!({"x": 1}).as_object().cloned().unwrap(),
        ..told(Value::Null, Outcome::Default)
    };
    story.complete(&step("t"), sets).unwrap();
    let failed = Ending::failed("too_large", "no room", None);
    let bare = serde_json::to_value(&failed).unwrap();
    assert_eq!(
        (&bare["nodes_executed"], &bare["variables"]),
        (&Value::Null, &Value::Null)
    );
    let result = serde_json::to_value(failed.with(&story, Vec::new())).unwrap();
    assert_eq!(result["variables"], json!({"x": 1}));
    assert_eq!(
        statuses(&result["nodes_executed"]).first(),
        Some(&("t".to_owned(), "success".to_owned()))
    );
    assert_eq!(result["error_code"], "too_large");
}
