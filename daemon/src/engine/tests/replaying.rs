//! Taking an execution up again gives the same position as walking it did (rules 17 and 18).

use std::time::{Duration, Instant};

use flow::Outcome;
use serde_json::{Value, json};

use super::super::record::{self, Who};
use super::super::replay::{Before, Replay, ReplayError, Resumed};
use super::*;
use crate::queue::execution_steps::StoredStep;

fn stored(node: &str, status: &str, outcome: Value, output: Value) -> StoredStep {
    StoredStep {
        node_id: node.to_owned(),
        place: "[]".to_owned(),
        run: 1,
        attempt: 1,
        status: status.to_owned(),
        outcome,
        output,
        ..StoredStep::default()
    }
}

fn replay(story: &mut Story, first: Moves, records: Vec<StoredStep>) -> Result<Resumed, ReplayError> {
    let mut replay = Replay::new(first);
    for record in records {
        replay.take(story, record, usize::MAX)?;
    }
    Ok(replay.resume(story))
}

#[test]
fn what_had_ended_is_folded_and_what_had_started_is_begun_again() {
    let (mut story, first) = start(diamond());
    let records = vec![
        stored("t", "completed", json!("default"), Value::Null),
        stored("a", "completed", json!("default"), json!({"x": 1})),
        stored("b", "started", Value::Null, Value::Null),
    ];
    let resumed = replay(&mut story, first, records).unwrap();
    assert_eq!(ids(&resumed.begin), ["b"]);
    assert!(matches!(
        resumed.before.get(&step("b")),
        Some(Before::Started { attempt: 1 })
    ));
    assert_eq!(story.next_ordinal(), 3);
    let moves = story
        .complete(&step("b"), told(json!("b"), Outcome::Default))
        .unwrap();
    assert_eq!(ids(&moves.begin), ["j"]);
    assert_eq!(*moves.begin[0].input, json!("b")); // of a join: what completed last
}

#[test]
fn the_trigger_gives_its_data_although_its_record_does_not_hold_it() {
    let (mut story, first) = start(diamond());
    let records = vec![stored("t", "completed", json!("default"), Value::Null)];
    let resumed = replay(&mut story, first, records).unwrap();
    assert_eq!(ids(&resumed.begin), ["a", "b"]);
    assert!(
        resumed
            .begin
            .iter()
            .all(|begun| *begun.input == json!({"list": [10, 20]}))
    );
}

fn plan_of_delay() -> Arc<Plan> {
    plan(
        &[("t", "trigger-manual"), ("d", "logic-delay")],
        &[("t", "", "d")],
    )
}

#[test]
fn what_is_parked_goes_on_waiting_by_the_monotonic_clock() {
    let (mut story, first) = start(plan_of_delay());
    let before = Instant::now();
    let parked = StoredStep {
        wake_in_ms: Some(60_000),
        variables: json!({"later": "later"}),
        warnings: json!(["nothing of that name"]),
        ..stored("d", "parked", Value::Null, json!("later"))
    };
    let records = vec![stored("t", "completed", json!("default"), Value::Null), parked];
    let resumed = replay(&mut story, first, records).unwrap();
    assert_eq!(ids(&resumed.begin), ["d"]);
    let Some(Before::Parked(parked)) = resumed.before.get(&step("d")) else {
        panic!("not parked");
    };
    assert_eq!(*parked.output, json!("later"));
    assert_eq!(parked.variables.get("later"), Some(&json!("later")));
    assert_eq!(parked.warnings, ["nothing of that name"]);
    // what is recorded of it is what was read
    let plan = plan_of_delay();
    let who = Who {
        key: uuid::Uuid::nil(),
        step: &step("d"),
        node: plan.node("d").unwrap(),
        began_after: 1,
    };
    let record: Value = serde_json::from_str(record::parked(who, Some(5), parked).unwrap().get()).unwrap();
    assert_eq!(record["variables"], json!({"later": "later"}));
    assert_eq!(record["warnings"], json!(["nothing of that name"]));
    assert_eq!(
        (&record["status"], &record["wake_in_ms"]),
        (&json!("parked"), &json!(5))
    );
    assert!(parked.wake.unwrap() >= before + Duration::from_secs(60));
}

#[test]
fn a_failed_attempt_waits_for_the_next_one() {
    let (mut story, first) = start(diamond());
    let failed = StoredStep {
        attempt: 2,
        error: Some(json!({"code": "node_failed"})),
        wake_in_ms: Some(-5),
        ..stored("b", "parked", Value::Null, Value::Null)
    };
    let records = vec![stored("t", "completed", json!("default"), Value::Null), failed];
    let resumed = replay(&mut story, first, records).unwrap();
    let Some(Before::Parked(parked)) = resumed.before.get(&step("b")) else {
        panic!("not parked");
    };
    assert!(parked.wake.unwrap() <= Instant::now());
    assert_eq!((parked.attempt, parked.error.is_some()), (2, true));
}

#[test]
fn variables_come_back_in_their_order_of_completion() {
    let (mut story, first) = start(diamond());
    let sets = |node: &str, value: i64| StoredStep {
        variables: json!({"x": value}),
        ..stored(node, "completed", json!("default"), Value::Null)
    };
    let records = vec![sets("t", 1), sets("b", 3), sets("a", 2)];
    replay(&mut story, first, records).unwrap();
    assert_eq!(story.variables().get("x"), Some(&json!(2)));
}

#[test]
fn a_record_that_no_engine_wrote_is_an_error_and_no_panic() {
    for bad in [
        stored("t", "completed", json!({"chose": 5}), Value::Null),
        stored("t", "completed", json!({"items": 3}), Value::Null),
        StoredStep {
            place: "nonsense".to_owned(),
            ..stored("t", "completed", json!("default"), Value::Null)
        },
        StoredStep {
            run: -1,
            ..stored("t", "completed", json!("default"), Value::Null)
        },
    ] {
        let (mut story, first) = start(diamond());
        assert!(replay(&mut story, first, vec![bad]).is_err());
    }
}
