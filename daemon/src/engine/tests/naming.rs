//! The names that templates see (CONTRACT section 3, rule 16).

use std::sync::Arc;

use flow::{Names, Outcome};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::execution::Execution;
use super::super::mentions::{Mentions, Nodes};
use super::super::names::StepNames;
use super::*;

fn execution() -> Arc<Execution> {
    Arc::new(Execution {
        id: Uuid::nil(),
        account_id: Uuid::nil(),
        automation_id: Uuid::nil(),
        version: Some(3),
        agent_id: None,
        trigger_type: "manual".to_owned(),
        trigger: Arc::new(json!({"list": [10, 20]})),
        lead_id: None,
        conversation_id: None,
        depth: 0,
        test_mode: false,
        started_at: Utc::now(),
    })
}

fn all() -> Mentions {
    Mentions {
        rows: false,
        nodes: Nodes::All,
        resume: Nodes::All,
        execution: false,
    }
}

fn get(names: &StepNames, name: &str) -> Option<Value> {
    names.get(name).map(|value| value.into_owned())
}

#[test]
fn fixed_names_win_over_variables_of_the_same_name() {
    let (mut story, _) = start(diamond());
    let mut first = told(Value::Null, Outcome::Default);
    first.variables.extend([
        ("trigger".to_owned(), json!("mine")),
        ("mine".to_owned(), json!(1)),
    ]);
    story.complete(&step("t"), first).unwrap();
    let names = StepNames::new(&execution(), &story, &step("a"), Arc::new(json!("in")), &all());
    assert_eq!(get(&names, "trigger"), Some(json!({"list": [10, 20]})));
    assert_eq!(get(&names, "mine"), Some(json!(1)));
    assert_eq!(get(&names, "vars").unwrap()["trigger"], json!("mine"));
    assert_eq!(get(&names, "input"), Some(json!("in")));
    assert_eq!(get(&names, "nothing"), None);
}

#[test]
fn a_failed_node_shows_its_error() {
    let (mut story, _) = start(diamond());
    story
        .complete(&step("t"), told(json!("t"), Outcome::Default))
        .unwrap();
    let error = Arc::new(json!({"message": "no", "code": "node_failed"}));
    let failed = Told {
        error: Some(error.clone()),
        ..told(Value::Null, Outcome::Failed)
    };
    story.complete(&step("b"), failed).unwrap();
    let names = StepNames::new(&execution(), &story, &step("a"), Arc::default(), &all());
    let nodes = get(&names, "nodes").unwrap();
    assert_eq!(nodes["t"]["output"], json!("t"));
    assert_eq!(nodes["b"]["error"], *error);
}

#[test]
fn in_a_loop_the_item_and_its_index_have_names_and_outputs_are_this_items() {
    let plan = plan(
        &[
            ("t", "trigger-manual"),
            ("each", "logic-loop"),
            ("x", "transform-set-variable"),
            ("y", "logic-merge"),
        ],
        &[("t", "", "each"), ("each", "loop", "x"), ("x", "", "y")],
    );
    let (mut story, _) = start(plan);
    story
        .complete(&step("t"), told(json!("t"), Outcome::Default))
        .unwrap();
    let moves = story
        .complete(&step("each"), told(json!([10, 20]), Outcome::Items(2)))
        .unwrap();
    let first = moves.begin[0].clone();
    assert_eq!(*first.input, json!(10));
    let moves = story
        .complete(&first.step, told(json!("of 10"), Outcome::Default))
        .unwrap();
    let names = StepNames::new(&execution(), &story, &moves.begin[0].step, Arc::default(), &all());
    assert_eq!(get(&names, "lead"), None); // a fixed name, although the loop calls its item so
    assert_eq!(get(&names, "index"), Some(json!(0)));
    assert_eq!(get(&names, "nodes").unwrap()["x"]["output"], json!("of 10"));
    let moves = story
        .complete(&moves.begin[0].step, told(json!("y"), Outcome::Default))
        .unwrap();
    let second = StepNames::new(&execution(), &story, &moves.begin[0].step, Arc::default(), &all());
    assert_eq!(get(&second, "index"), Some(json!(1)));
    assert!(get(&second, "nodes").unwrap().get("x").is_none()); // not run for this item yet
    let x = moves.begin[0].step.clone();
    let moves = story
        .complete(&x, told(json!("of 20"), Outcome::Default))
        .unwrap();
    story
        .complete(&moves.begin[0].step, told(json!("y2"), Outcome::Default))
        .unwrap();
    let names = StepNames::new(&execution(), &story, &step("t"), Arc::default(), &all());
    assert_eq!(
        get(&names, "nodes").unwrap()["each"]["output"],
        json!(["y", "y2"])
    );
}

#[test]
fn a_token_is_of_the_run_that_waits_here_or_comes_next_and_of_no_other_item() {
    let plan = plan(
        &[
            ("t", "trigger-manual"),
            ("each", "logic-loop"),
            ("tell", "action-http"),
            ("ask", "logic-approval"),
            ("outside", "logic-approval"),
        ],
        &[
            ("t", "", "outside"),
            ("t", "", "each"),
            ("each", "loop", "tell"),
            ("tell", "", "ask"),
        ],
    );
    let (mut story, _) = start(plan);
    let tokens = |story: &Story, step: &StepId| {
        let names = StepNames::new(&execution(), story, step, Arc::default(), &all());
        let tokens: Vec<_> = names
            .tokens()
            .iter()
            .map(|(id, token)| (id.to_string(), *token))
            .collect();
        (tokens, get(&names, "resume"))
    };
    let key = |step: &StepId| step.idempotency_key(Uuid::nil());
    let (outermost, resume) = tokens(&story, &step("t"));
    assert_eq!(resume, None, "unsigned, nothing is to be seen");
    assert_eq!(outermost.len(), 1, "what lies in a loop has no run out here");
    assert_eq!(outermost[0].1.step, key(&step("outside")));
    story
        .complete(&step("t"), told(Value::Null, Outcome::Default))
        .unwrap();
    let moves = story
        .complete(&step("each"), told(json!([10, 20]), Outcome::Items(2)))
        .unwrap();
    let tell = moves.begin[0].step.clone();
    let ask = StepId {
        node: "ask".into(),
        ..tell.clone()
    };
    let expected = [
        ("ask".to_owned(), key(&ask)),
        ("outside".to_owned(), key(&step("outside"))),
    ];
    for _ in 0..2 {
        let (mut found, _) = tokens(&story, &tell);
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let found: Vec<_> = found.into_iter().map(|(id, token)| (id, token.step)).collect();
        assert_eq!(found, expected, "before it waits and while it waits");
        if story.running().contains(&tell) {
            story
                .complete(&tell, told(Value::Null, Outcome::Default))
                .unwrap();
        }
    }
}
