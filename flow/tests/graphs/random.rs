//! Random graphs, decisions and orders, all from a seed.

use serde_json::json;

use crate::{
    build::{Drawn, node},
    walk::{Says, Where},
};

/// Repeatable chance (splitmix64).
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// What a random graph may hold.
#[derive(Clone, Copy)]
pub struct Shape {
    pub cyclic: bool,
    pub loops: bool,
    pub merges: bool,
    /// Stops, breaks, disabled nodes, `onError`, error edges of loops.
    pub odd: bool,
}

pub fn random(dice: &mut Dice, shape: Shape) -> Drawn {
    let count = 3 + dice.below(12);
    let mut nodes = vec![node("t", "trigger-manual", json!({}))];
    let mut kinds = Vec::new();
    for at in 0..count {
        let weights: [(&str, usize); 8] = [
            ("transform-set-variable", 6),
            ("logic-condition", 4),
            ("logic-loop", if shape.loops { 3 } else { 0 }),
            ("logic-merge", if shape.merges { 2 } else { 0 }),
            ("action-http", 1),
            ("logic-approval", usize::from(shape.odd)),
            ("logic-break", usize::from(shape.odd && shape.loops)),
            ("logic-stop", if shape.odd && dice.below(8) == 0 { 1 } else { 0 }),
        ];
        let all: Vec<&str> = weights
            .iter()
            .flat_map(|(kind, weight)| vec![*kind; *weight])
            .collect();
        let kind = *dice.one(&all);
        let mut settings = match kind {
            "logic-loop" => {
                json!({"concurrency": dice.one(&[1, 1, 3]), "continueOnError": shape.odd && dice.below(3) == 0})
            }
            "logic-merge" => {
                json!({"mode": dice.one(if shape.odd { &["any", "all", "first"] } else { &["any", "all", "any"] })})
            }
            _ => json!({}),
        };
        if shape.odd && dice.below(10) == 0 {
            settings["disabled"] = true.into();
        }
        if shape.odd && dice.below(10) == 0 {
            settings["onError"] = "continue".into();
        }
        nodes.push(node(&format!("n{at}"), kind, settings));
        kinds.push(kind);
    }
    let mut edges = Vec::new();
    let mut add = |dice: &mut Dice, source: Option<usize>, target: usize| {
        let handles: &[Option<&str>] = match source.map(|at| kinds[at]) {
            Some("logic-condition") => &[Some("true"), Some("false")],
            Some("logic-loop") if shape.odd => &[
                Some("loop"),
                Some("loop"),
                Some("done"),
                Some("done"),
                Some("error"),
            ],
            Some("logic-loop") => &[Some("loop"), Some("done")],
            Some("action-http") => &[None, Some("error")],
            Some("logic-approval") => &[Some("approved"), Some("rejected")],
            _ => &[None],
        };
        let source = source.map_or("t".to_owned(), |at| format!("n{at}"));
        edges.push(
            json!({"id": edges.len().to_string(), "source": source, "target": format!("n{target}"),
            "sourceHandle": dice.one(handles)}),
        );
    };
    for at in 0..count {
        let from = dice.below(at + 1);
        add(dice, from.checked_sub(1), at);
    }
    for _ in 0..dice.below(count + 1) {
        let (a, b) = (dice.below(count), dice.below(count));
        match shape.cyclic {
            true => add(dice, Some(a), b),
            false if a != b => add(dice, Some(a.min(b)), a.max(b)),
            false => {}
        }
    }
    Drawn { nodes, edges }
}

/// FNV-1a: what a run decides follows from its identity, so that it is the same in every order.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Decisions that are the same for the same run of a node, and that end every cycle after a few rounds.
pub fn decisions(drawn: &Drawn, seed: u64, errors: bool) -> impl Fn(&str, &Where, u32) -> Says {
    let kind = |node: &serde_json::Value| {
        (
            node["id"].as_str().unwrap().to_owned(),
            node["type"].as_str().unwrap().to_owned(),
        )
    };
    let kinds: std::collections::BTreeMap<String, String> = drawn.nodes.iter().map(kind).collect();
    move |node, place, run| {
        let place = serde_json::to_string(place).unwrap();
        let chance = hash(&format!("{seed} {node} {place} {run}")) >> 16;
        let two = |names: [&str; 2]| {
            let which = if run < 4 { chance } else { hash(node) >> 16 };
            Says::Handles(vec![names[(which % 2) as usize].to_owned()])
        };
        match kinds[node].as_str() {
            "logic-condition" => two(["true", "false"]),
            "logic-approval" => two(["approved", "rejected"]),
            "logic-loop" if errors && chance.is_multiple_of(11) => Says::Error,
            "logic-loop" => Says::Items(if run < 4 { chance % 4 } else { 0 }),
            "action-http" if errors && chance.is_multiple_of(3) => Says::Error,
            _ if errors && chance.is_multiple_of(29) => Says::Error,
            _ => Says::Nothing,
        }
    }
}
