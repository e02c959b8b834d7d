//! Loops in a story: results, variables of concurrent iterations, what is held meanwhile (rules 5, 9, 11 and 16).

use std::sync::Arc;

use flow::{Outcome, Place, StepId};
use serde_json::{Value, json};

use super::*;

fn of_item(item: u32) -> StepId {
    StepId {
        node: "x".into(),
        place: Place::default().inside("each".into(), 1, item),
        run: 1,
    }
}

fn sets(output: Value, variables: Value) -> Told {
    Told {
        variables: variables.as_object().cloned().unwrap(),
        ..told(output, Outcome::Default)
    }
}

/// The story of a loop over so many items whose list is known, and what has begun.
fn opened(config: Value, data: Value, items: u64) -> (Story, Moves) {
    let (mut story, _) = start(looped(config, data));
    story
        .complete(&step("t"), told(json!("t"), Outcome::Default))
        .unwrap();
    let list: Value = (0..items).map(Value::from).collect();
    let moves = story.complete(&step("each"), told(list, Outcome::Items(items)));
    (story, moves.unwrap())
}

#[test]
fn results_are_in_the_order_of_the_items_whatever_ends_first() {
    let (mut story, moves) = opened(json!({"concurrency": 3}), json!({}), 3);
    let inputs: Vec<_> = moves.begin.iter().map(|begun| (*begun.input).clone()).collect();
    assert_eq!(inputs, [json!(0), json!(1), json!(2)]);
    let mut last = Moves::default();
    for item in [2, 0, 1] {
        last = story
            .complete(&of_item(item), told(json!({"of": item}), Outcome::Default))
            .unwrap();
    }
    assert_eq!(ids(&last.begin), ["after"]);
    assert_eq!(*last.begin[0].input, json!([{"of": 0}, {"of": 1}, {"of": 2}]));
    let entry = listed(&story)[4].clone();
    assert_eq!(
        (&entry["node_id"], &entry["input"]),
        (&json!("each"), &Value::Null)
    );
    assert_eq!(entry["output"], json!([{"of": 0}, {"of": 1}, {"of": 2}]));
}

#[test]
fn a_failed_item_gives_its_error_where_the_loop_goes_on() {
    let (mut story, _) = opened(json!({"continueOnError": true}), json!({}), 2);
    let error = Arc::new(json!({"message": "no", "code": "node_failed"}));
    let failed = Told {
        output: error.clone(),
        error: Some(error.clone()),
        ..told(Value::Null, Outcome::Failed)
    };
    story.complete(&of_item(0), failed).unwrap();
    let moves = story
        .complete(&of_item(1), told(json!(1), Outcome::Default))
        .unwrap();
    assert_eq!(*moves.begin[0].input, json!([*error, 1]));
}

#[test]
fn concurrent_iterations_write_to_copies_that_are_applied_in_item_order() {
    let (mut story, _) = opened(json!({"concurrency": 2}), json!({}), 2);
    let seen = |story: &Story, item| story.variables_in(&of_item(item).place).get("v").cloned();
    story
        .complete(&of_item(1), sets(Value::Null, json!({"v": "of 1", "only": 1})))
        .unwrap();
    assert_eq!(seen(&story, 0), None);
    assert_eq!(seen(&story, 1), Some(json!("of 1")));
    assert_eq!(*story.variables_in(&Place::default()), json!({}));
    // it completes last and its item is first
    story
        .complete(&of_item(0), sets(Value::Null, json!({"v": "of 0"})))
        .unwrap();
    assert_eq!(**story.variables(), json!({"v": "of 1", "only": 1}));
}

#[test]
fn iterations_one_by_one_write_to_the_execution_itself() {
    let (mut story, _) = opened(json!({}), json!({}), 2);
    story
        .complete(&of_item(0), sets(Value::Null, json!({"v": 0})))
        .unwrap();
    assert_eq!(**story.variables(), json!({"v": 0}));
}

#[test]
fn a_loop_that_is_broken_off_applies_what_its_iterations_have_set() {
    let nodes = json!([
        { "id": "t", "type": "trigger-manual" },
        { "id": "each", "type": "logic-loop", "data": {
            "config": { "arrayExpression": "trigger.list", "concurrency": 2 }, "outputVariable": "all" } },
        { "id": "x", "type": "logic-merge" },
        { "id": "b", "type": "logic-break" },
    ]);
    let edges = json!([
        { "id": "1", "source": "t", "target": "each" },
        { "id": "2", "source": "each", "sourceHandle": "loop", "target": "x" },
        { "id": "3", "source": "x", "target": "b" },
    ]);
    let plan = Plan::compile(&nodes, &edges, "manual", "manual", &flow::Limits::default()).unwrap();
    let (mut story, _) = start(Arc::new(plan));
    story
        .complete(&step("t"), told(json!("t"), Outcome::Default))
        .unwrap();
    story
        .complete(&step("each"), told(json!([1, 2]), Outcome::Items(2)))
        .unwrap();
    for item in [0, 1] {
        story
            .complete(&of_item(item), sets(json!(item), json!({"v": item})))
            .unwrap();
    }
    let broke = StepId {
        node: "b".into(),
        ..of_item(0)
    };
    let moves = story.complete(&broke, told(Value::Null, Outcome::Broke)).unwrap();
    assert_eq!(moves.cancel.len(), 1); // the break of the other item
    assert_eq!(**story.variables(), json!({"v": 1, "all": []}));
    assert!(story.end().is_some());
}

#[test]
fn the_output_variable_of_a_loop_is_its_results() {
    let (mut story, _) = opened(json!({}), json!({"outputVariable": "all"}), 1);
    assert_eq!(**story.variables(), json!({}));
    story
        .complete(&of_item(0), told(json!("r"), Outcome::Default))
        .unwrap();
    assert_eq!(**story.variables(), json!({"all": ["r"]}));
}

#[test]
fn results_larger_than_an_output_may_be_name_the_loop() {
    let (mut story, _) = opened(json!({}), json!({}), 3);
    for item in 0..3 {
        assert!(story.too_large().is_none());
        story
            .complete(&of_item(item), told(json!("x".repeat(1 << 20)), Outcome::Default))
            .unwrap();
    }
    assert_eq!(story.too_large().map(|(node, _)| &**node), Some("each"));
}

#[test]
fn each_step_knows_what_had_completed_when_it_began() {
    let (mut story, _) = opened(json!({"concurrency": 2}), json!({}), 3);
    assert_eq!(story.began_after(&of_item(0)), 2);
    story
        .complete(&of_item(1), told(Value::Null, Outcome::Default))
        .unwrap();
    assert_eq!(story.began_after(&of_item(0)), 2);
    assert_eq!(story.began_after(&of_item(2)), 3);
}

#[test]
fn a_long_loop_holds_its_results_and_not_its_steps_and_counts_what_it_holds() {
    const ITEMS: u64 = 20_000;
    let limits = Limits {
        max_steps: 100_000,
        ..Limits::default()
    };
    for config in [
        json!({"maxIterations": 100_000}),
        json!({"maxIterations": 100_000, "concurrency": 7}),
    ] {
        let (mut story, _) = Story::start(looped(config, json!({})), Arc::default(), &limits);
        story
            .complete(&step("t"), told(json!("t"), Outcome::Default))
            .unwrap();
        let list: Value = (0..ITEMS).map(Value::from).collect();
        let mut moves = story
            .complete(&step("each"), told(list.clone(), Outcome::Items(ITEMS)))
            .unwrap();
        let mut waiting = std::mem::take(&mut moves.begin);
        while waiting.iter().any(|begun| &*begun.step.node == "x") {
            let begun = waiting.remove(waiting.len() / 2);
            let set = sets((*begun.input).clone(), json!({"last": *begun.input}));
            waiting.extend(story.complete(&begun.step, set).unwrap().begin);
            assert!(story.kept() < 6_000, "{}", story.kept());
        }
        assert_eq!(*waiting[0].input, list);
        assert_eq!(**story.variables(), json!({"last": ITEMS - 1}));
        // the list, "t" and the variable
        assert!(story.fits_in(list.to_string().len() + 100));
    }
}
