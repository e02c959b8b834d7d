//! What an engine builds on: identities, inputs, results of loops, refusals, and the cost of a step.

use std::sync::Arc;

use flow::{Change, End, Outcome, Place, Position, PositionError, StepId, Stop};

use crate::{
    build::graph,
    walk::{compile, record},
};

fn begun(changes: &[Change]) -> Vec<(String, Option<String>)> {
    let begin = |change: &Change| match change {
        Change::Begin { step, from } => Some((step.to_string(), from.as_ref().map(StepId::to_string))),
        _ => None,
    };
    changes.iter().filter_map(begin).collect()
}

fn step(node: &str, place: &str, run: u32) -> StepId {
    StepId {
        node: node.into(),
        place: place.parse().unwrap(),
        run,
    }
}

#[test]
fn a_place_is_canonical_json_and_reads_itself() {
    let place = Place::default()
        .inside("each \"one\"".into(), 1, 0)
        .inside("inner".into(), 2, 5);
    assert_eq!(place.to_string(), r#"[["each \"one\"",1,0],["inner",2,5]]"#);
    assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
    assert_eq!(place.parent().unwrap().to_string(), r#"[["each \"one\"",1,0]]"#);
    assert_eq!(Place::default().to_string(), "[]");
    assert!("[[1]]".parse::<Place>().is_err());
}

#[test]
fn an_idempotency_key_is_the_same_for_ever_and_differs_for_each_step() {
    let execution = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let key = |node: &str, place: &str, run: u32| step(node, place, run).idempotency_key(execution);
    assert_eq!(key("a", "[]", 1).to_string(), key("a", "[]", 1).to_string());
    let keys = [
        key("a", "[]", 1),
        key("a", "[]", 2),
        key("b", "[]", 1),
        key("a", "[[\"l\",1,0]]", 1),
    ];
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    assert_ne!(
        key("a", "[]", 1),
        step("a", "[]", 1).idempotency_key(uuid::Uuid::nil())
    );
    // Recorded steps of old executions depend on it: this value must never change.
    assert_eq!(
        key("a", "[[\"l\",1,0]]", 1).to_string(),
        "1d53f995-874e-58bf-a018-ef3f2936f688"
    );
}

#[test]
fn the_input_of_a_join_comes_from_what_completed_last() {
    let plan = compile(&graph("a; b; j", "t>a>j t>b>j")).unwrap();
    let (mut position, changes) = Position::start(plan, 100);
    assert_eq!(begun(&changes), [("t run 1".into(), None)]);
    position.complete(&step("t", "[]", 1), &Outcome::Default).unwrap();
    assert!(
        position
            .complete(&step("b", "[]", 1), &Outcome::Default)
            .unwrap()
            .is_empty()
    );
    let changes = position.complete(&step("a", "[]", 1), &Outcome::Default).unwrap();
    assert_eq!(begun(&changes), [("j run 1".into(), Some("a run 1".into()))]);
}

#[test]
fn a_loop_gives_the_results_of_its_items_in_order() {
    let drawn = graph(
        "l:loop:{\"concurrency\": 2}; a; b; d",
        "t>l l.loop>a>l l.loop>b l.done>d",
    );
    let (mut position, _) = Position::start(compile(&drawn).unwrap(), 100);
    position.complete(&step("t", "[]", 1), &Outcome::Default).unwrap();
    let changes = position
        .complete(&step("l", "[]", 1), &Outcome::Items(2))
        .unwrap();
    assert_eq!(begun(&changes).len(), 4);
    assert_eq!(begun(&changes)[0].1.as_deref(), Some("l run 1"));
    assert_eq!(position.running().len(), 4, "an open loop is not among them");
    for (node, item) in [("a", 1), ("b", 1), ("b", 0), ("a", 0)] {
        let step = step(node, &format!("[[\"l\",1,{item}]]"), 1);
        let changes = position.complete(&step, &Outcome::Default).unwrap();
        if (node, item) == ("a", 0) {
            let result = |item| Some(self::step("a", &format!("[[\"l\",1,{item}]]"), 1));
            let results = vec![result(0), result(1)];
            let ended = Change::LoopEnded {
                step: self::step("l", "[]", 1),
                handle: "done",
                results,
            };
            assert_eq!(changes[0], ended);
            assert_eq!(begun(&changes), [("d run 1".into(), Some("l run 1".into()))]);
        }
    }
}

#[test]
fn a_completion_that_does_not_fit_is_an_error_and_changes_nothing() {
    let (mut position, _) = Position::start(compile(&graph("l:loop; s:stop", "t>l l.done>s")).unwrap(), 100);
    let unknown = [
        step("l", "[]", 1),
        step("t", "[]", 2),
        step("t", "[[\"l\",1,0]]", 1),
        step("nobody", "[]", 1),
    ];
    for step in unknown {
        let error = position.complete(&step, &Outcome::Default).unwrap_err();
        assert_eq!(error, PositionError::NotRunning(step));
    }
    let unfit = position
        .complete(&step("t", "[]", 1), &Outcome::Items(3))
        .unwrap_err();
    assert!(matches!(
        unfit,
        PositionError::Unfit {
            kind: "trigger-manual",
            ..
        }
    ));
    position.complete(&step("t", "[]", 1), &Outcome::Default).unwrap();
    assert!(
        position
            .complete(&step("l", "[]", 1), &Outcome::Items(u64::MAX))
            .is_err()
    );
    assert!(position.complete(&step("l", "[]", 1), &Outcome::Default).is_err());
    position
        .complete(&step("l", "[]", 1), &Outcome::Items(0))
        .unwrap();
    let changes = position
        .complete(&step("s", "[]", 1), &Outcome::Stopped(Stop::Failure))
        .unwrap();
    assert_eq!(
        changes,
        [Change::End(End::Failed {
            node: Some("s".into())
        })]
    );
    let late = position
        .complete(&step("s", "[]", 1), &Outcome::Default)
        .unwrap_err();
    assert_eq!(late, PositionError::Ended(step("s", "[]", 1)));
}

#[test]
fn an_outcome_is_recorded_as_small_json() {
    let json = |outcome: Outcome| {
        let text = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
        text
    };
    assert_eq!(json(Outcome::Default), r#""default""#);
    assert_eq!(json(Outcome::Chose(vec!["true".into()])), r#"{"chose":["true"]}"#);
    assert_eq!(json(Outcome::Items(3)), r#"{"items":3}"#);
    assert_eq!(json(Outcome::Stopped(Stop::Success)), r#"{"stopped":"success"}"#);
}

#[test]
fn the_budget_names_the_cycle_that_does_not_end() {
    let plan = compile(&graph("a; c:if; b", "t>a>c c.true>a c.false>b")).unwrap();
    let (mut position, _) = Position::start(plan, 50);
    while let Some(step) = position.running().first().cloned() {
        position.complete(&step, &Outcome::Default).unwrap();
    }
    let Some(End::Budget { nodes, cycle: true }) = position.end() else {
        panic!("{:?}", position.end())
    };
    let named: Vec<_> = nodes.iter().map(|(id, ran)| (&**id, *ran)).collect();
    assert_eq!(named, [("a", 25), ("c", 24)]);
    assert_eq!(position.untaken(), [Arc::from("b")]);
}

#[test]
fn a_join_of_a_thousand_branches_runs_once_after_the_last() {
    let nodes: Vec<String> = (0..998).map(|at| format!("n{at:03}")).collect();
    let mut edges: Vec<String> = (1..998).map(|at| format!("n{:03}>n{at:03}", at - 1)).collect();
    edges.extend((0..998).map(|at| format!("n{at:03}>j")));
    let drawn = graph(
        &format!("{};j", nodes.join(";")),
        &format!("t>n000 {}", edges.join(" ")),
    );
    let plan = compile(&drawn).unwrap();
    let (walked, record) = record(&plan, &|_, _, _| crate::walk::Says::Nothing, &mut |_| 0, 10_000);
    assert_eq!((walked.status.as_str(), walked.counts["j"]), ("completed", 1));
    assert_eq!(&*record.last().unwrap().0.node, "j");
}

#[test]
fn an_upcoming_run_is_the_open_one_else_the_next_in_the_first_place_outwards() {
    let plan = compile(&graph(
        "a; m; w:logic-wait:{\"for\": \"resume\"}; c:if; l:loop; b; v:logic-wait:{\"for\": \"resume\"}; o",
        "t>a>m>w>c c.true>a c.false>l l.loop>b>v l.done>o",
    ))
    .unwrap();
    let (mut position, _) = Position::start(plan, 100);
    let upcoming = |position: &Position, node: &str, place: &str| {
        position
            .upcoming(node, &place.parse().unwrap())
            .map(|step| step.to_string())
    };
    let complete = |node: &str, place: &str, run: u32, outcome: Outcome, position: &mut Position| {
        position.complete(&step(node, place, run), &outcome).unwrap();
    };
    assert_eq!(upcoming(&position, "w", "[]").as_deref(), Some("w run 1"));
    assert_eq!(
        upcoming(&position, "v", "[]"),
        None,
        "it lies in a loop, of which there may be many runs"
    );
    assert_eq!(upcoming(&position, "nobody", "[]"), None);
    assert_eq!(
        upcoming(&position, "w", "[[\"l\",1,0]]"),
        None,
        "there is no such place yet"
    );
    for node in ["t", "a", "m"] {
        complete(node, "[]", 1, Outcome::Default, &mut position);
    }
    assert_eq!(
        upcoming(&position, "w", "[]").as_deref(),
        Some("w run 1"),
        "it waits"
    );
    complete("w", "[]", 1, Outcome::Default, &mut position);
    assert_eq!(
        upcoming(&position, "w", "[]").as_deref(),
        Some("w run 2"),
        "the next round"
    );
    complete("c", "[]", 1, Outcome::Chose(vec!["false".into()]), &mut position);
    complete("l", "[]", 1, Outcome::Items(2), &mut position);
    let inside = "[[\"l\",1,0]]";
    assert_eq!(
        upcoming(&position, "v", inside).unwrap(),
        format!("v run 1 in {inside}")
    );
    assert_eq!(
        upcoming(&position, "w", inside).as_deref(),
        Some("w run 2"),
        "outwards"
    );
    assert_eq!(
        upcoming(&position, "l", inside).as_deref(),
        Some("l run 1"),
        "the loop itself is open"
    );
    assert_eq!(upcoming(&position, "v", "[[\"l\",1,1]]"), None, "not begun");
    complete("b", inside, 1, Outcome::Default, &mut position);
    complete("v", inside, 1, Outcome::Default, &mut position);
    assert_eq!(upcoming(&position, "v", inside), None, "over");
    assert!(upcoming(&position, "v", "[[\"l\",1,1]]").is_some());
}
