//! The cases: each with what it says, in twenty orders of completion, run by the reference and by the real thing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    build::{Drawn, graph},
    random::Dice,
    slow,
    walk::{Pick, Says, Where, walk},
};

/// A row of `cases.json`. `says` is what nodes do, where it is not the ordinary.
#[derive(Deserialize)]
struct Case {
    name: String,
    nodes: String,
    edges: String,
    says: BTreeMap<String, Value>,
    counts: BTreeMap<String, u32>,
    #[serde(default = "completed")]
    status: String,
    /// Its counts hold only if what began first ends first.
    #[serde(default)]
    in_order: bool,
}

fn completed() -> String {
    "completed".into()
}

/// A handle, handles, a number of items, or an object: `then` where its condition holds, else `else`.
fn says(value: &Value, items: &[u64], run: u32) -> Says {
    match value {
        Value::String(text) if text == "error" => Says::Error,
        Value::String(handle) => Says::Handles(vec![handle.clone()]),
        Value::Array(handles) => {
            Says::Handles(handles.iter().map(|one| one.as_str().unwrap().into()).collect())
        }
        Value::Number(number) => Says::Items(number.as_u64().unwrap()),
        Value::Object(when) => {
            if let Some(by_item) = when.get("by_item") {
                return says(&by_item[items[0] as usize], items, run);
            }
            let number = |key: &str| when.get(key).and_then(Value::as_u64);
            let holds = number("run_below").is_some_and(|below| u64::from(run) < below)
                || number("run_every").is_some_and(|every| u64::from(run) % every == 0)
                || when
                    .get("item")
                    .is_some_and(|item| items[item[0].as_u64().unwrap() as usize] == item[1])
                || when.get("items").is_some_and(|all| *all == Value::from(items));
            says(&when[if holds { "then" } else { "else" }], items, run)
        }
        _ => Says::Nothing,
    }
}

#[test]
fn every_case_runs_as_it_says_in_twenty_orders() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert_eq!(cases.len(), 65);
    for case in cases {
        let drawn: Drawn = graph(&case.nodes, &case.edges);
        let decide = |node: &str, place: &Where, run: u32| {
            let items: Vec<u64> = place.iter().map(|(_, _, item)| u64::from(*item)).collect();
            case.says
                .get(node)
                .map_or(Says::Nothing, |value| says(value, &items, run))
        };
        for seed in 0..20 {
            let first = case.in_order || seed == 0;
            let pick = || {
                let mut dice = Dice::new(seed);
                move |running: &[_]| if first { 0 } else { dice.below(running.len()) }
            };
            let (mut one, mut two): (_, _) = (pick(), pick());
            let (one, two): (Pick, Pick) = (&mut one, &mut two);
            let slow = slow::run(&drawn, &decide, one, 500);
            let fast = walk(&drawn, &decide, two, 500);
            assert_eq!(fast, slow, "{} with seed {seed}", case.name);
            assert_eq!(fast.status, case.status, "{} with seed {seed}", case.name);
            for (node, count) in &case.counts {
                assert_eq!(
                    fast.counts.get(node).unwrap_or(&0),
                    count,
                    "{} of {} with seed {seed}",
                    node,
                    case.name
                );
            }
        }
    }
}
