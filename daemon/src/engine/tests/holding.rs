//! What a story keeps in memory stays bounded, and what may still be read is there.

use std::sync::Arc;

use flow::{Outcome, StepId};
use serde_json::json;

use super::super::replay::{Replay, ReplayError};
use super::*;
use crate::queue::execution_steps::StoredStep;

/// A string of a mebibyte that knows its number.
fn large(number: u32) -> Value {
    json!(format!("{number}{}", "x".repeat(1 << 20)))
}

#[test]
fn a_cycle_with_large_outputs_holds_only_the_newest_ones() {
    let plan = plan(
        &[
            ("t", "trigger-manual"),
            ("c", "logic-condition"),
            ("a", "logic-merge"),
        ],
        &[("t", "", "c"), ("c", "true", "a"), ("a", "", "c")],
    );
    let (mut story, mut moves) = start(plan);
    for round in 0..60 {
        let begun = moves.begin.remove(0);
        if round > 1 {
            assert_eq!(*begun.input, large(round - 1)); // what led here is always there
        }
        let outcome = match &*begun.step.node {
            "c" => Outcome::Chose(vec!["true".into()]),
            _ => Outcome::Default,
        };
        moves = story.complete(&begun.step, told(large(round), outcome)).unwrap();
        assert!(story.fits_in(5 << 20), "in round {round}");
    }
    assert_eq!(
        story
            .newest(&"a".into(), &flow::Place::default())
            .map(|kept| kept.output.value()),
        Some(Arc::new(large(58)))
    );
    // listed all the same, each too large to be shown
    let executed = listed(&story);
    assert_eq!(executed.as_array().unwrap().len(), 60);
    assert_eq!(executed[59]["output"]["cut"], true);
}

#[test]
fn a_token_that_waits_keeps_its_output_although_a_newer_one_came() {
    let plan = plan(
        &[
            ("t", "trigger-manual"),
            ("a", "transform-set-variable"),
            ("b", "transform-set-variable"),
            ("many", "logic-condition"),
            ("slow", "action-http"),
        ],
        &[
            ("t", "", "a"),
            ("t", "", "b"),
            ("a", "", "many"),
            ("many", "true", "slow"),
            ("many", "true", "many"),
            ("b", "", "slow"),
        ],
    );
    let (mut story, _) = start(plan);
    let run = |run: u32| StepId { run, ..step("many") };
    let again = || Outcome::Chose(vec!["true".into()]);
    story
        .complete(&step("t"), told(json!(0), Outcome::Default))
        .unwrap();
    story
        .complete(&step("a"), told(json!(0), Outcome::Default))
        .unwrap();
    for number in 1..=3 {
        story
            .complete(&run(number), told(large(number), again()))
            .unwrap();
    }
    assert!(!story.fits_in(2 << 20)); // each of the three still waits for the join
    assert!(story.fits_in(4 << 20));
}

#[test]
fn one_value_that_several_steps_pass_on_is_held_once() {
    let (mut story, _) = start(diamond());
    let shared = Arc::new(large(1));
    for node in ["t", "a", "b"] {
        let passed = Told {
            output: shared.clone(),
            ..told(Value::Null, Outcome::Default)
        };
        story.complete(&step(node), passed).unwrap();
    }
    assert!(story.fits_in(2 << 20));
}

#[test]
fn records_of_an_execution_that_holds_too_much_are_not_taken_up() {
    let (mut story, first) = start(diamond());
    let mut replay = Replay::new(first);
    let mut take = |node: &str| {
        let record = StoredStep {
            node_id: node.to_owned(),
            place: "[]".to_owned(),
            run: 1,
            attempt: 1,
            status: "completed".to_owned(),
            outcome: json!("default"),
            output: large(2),
            ..StoredStep::default()
        };
        replay.take(&mut story, record, 1 << 20)
    };
    assert!(take("t").is_ok()); // its output is the trigger data
    assert!(matches!(take("a"), Err(ReplayError::TooLarge(_))));
}
