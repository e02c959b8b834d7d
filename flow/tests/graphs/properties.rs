//! What holds of every graph, shown on thousands of random ones.

use std::sync::Arc;

use flow::{Change, Limits, Plan, Position, check};

use crate::{
    build::Drawn,
    random::{Dice, Shape, decisions, hash, random},
    slow,
    walk::{self, Pick, Step, walk},
};

const BUDGET: u64 = 150;

fn accepted(drawn: &Drawn) -> bool {
    !check(&drawn.nodes(), &drawn.edges(), Some("manual"), &Limits::default())
        .iter()
        .any(flow::Problem::is_error)
}

/// Random accepted graphs of all shapes, each with its seed.
fn graphs(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (u64, Drawn)> {
    let drawn = |seed| {
        let shape = Shape {
            cyclic: seed % 5 != 0,
            loops: seed % 3 != 0,
            merges: seed % 2 == 0,
            odd: seed % 7 < 4,
        };
        (seed, random(&mut Dice::new(seed), shape))
    };
    seeds.map(drawn).filter(|(_, drawn)| accepted(drawn))
}

/// An order of completion that depends on the steps alone, not on the order in which they are listed.
fn by_name(seed: u64) -> impl FnMut(&[Step]) -> usize {
    move |running| {
        let key = |at: &usize| {
            (
                hash(&format!("{seed} {:?}", running[*at])) >> 8,
                running[*at].clone(),
            )
        };
        (0..running.len()).min_by_key(key).unwrap()
    }
}

fn shuffled(drawn: &Drawn, seed: u64) -> Drawn {
    let (mut dice, mut other) = (Dice::new(seed), drawn.clone());
    dice.shuffle(&mut other.nodes);
    dice.shuffle(&mut other.edges);
    other
}

#[test]
fn random_graphs_run_as_in_the_slow_reference() {
    let (mut seen, mut ends) = (0, std::collections::BTreeMap::<String, u32>::new());
    for (seed, drawn) in graphs(0..3_000) {
        let decide = decisions(&drawn, seed, seed % 2 == 1);
        for order in 0..2 {
            let picks = || {
                let mut dice = Dice::new(seed * 31 + order);
                move |running: &[Step]| if order == 0 { 0 } else { dice.below(running.len()) }
            };
            let (mut one, mut two) = (picks(), picks());
            let (one, two): (Pick, Pick) = (&mut one, &mut two);
            let want = slow::run(&drawn, &decide, one, BUDGET);
            assert_eq!(walk(&drawn, &decide, two, BUDGET), want, "seed {seed}: {drawn:?}");
            *ends.entry(want.status).or_default() += 1;
        }
        seen += 1;
    }
    assert!(seen > 1_500, "only {seen} graphs were accepted");
    assert!(
        ["completed", "failed", "budget"]
            .iter()
            .all(|end| ends.contains_key(*end)),
        "{ends:?}"
    );
}

#[test]
fn nothing_depends_on_the_order_of_nodes_or_edges_in_the_json() {
    for (seed, drawn) in graphs(10_000..11_500) {
        let other = shuffled(&drawn, seed);
        let decide = decisions(&drawn, seed, seed % 2 == 1);
        let run = |drawn: &Drawn| walk(drawn, &decide, &mut by_name(seed), BUDGET);
        assert_eq!(run(&drawn), run(&other), "seed {seed}: {drawn:?}");
        let findings = |drawn: &Drawn| check(&drawn.nodes(), &drawn.edges(), None, &Limits::default());
        assert_eq!(findings(&drawn), findings(&other), "seed {seed}");
    }
}

#[test]
fn how_often_a_node_runs_does_not_depend_on_time() {
    for (seed, drawn) in graphs(20_000..22_000) {
        let has = |word: &str| drawn.nodes.iter().any(|node| node.to_string().contains(word));
        let two_entrances = |drawn: &Drawn| {
            check(&drawn.nodes(), &drawn.edges(), None, &Limits::default())
                .iter()
                .any(|p| p.code == "two_entrances")
        };
        if ["first", "any", "logic-stop", "logic-break"]
            .iter()
            .any(|word| has(&format!("{word}\"")))
            || two_entrances(&drawn)
        {
            continue; // what cuts others off may (rule 15)
        }
        let decide = decisions(&drawn, seed, false);
        let runs: Vec<_> = (0..4)
            .map(|order| {
                let mut dice = Dice::new(seed + order);
                walk(&drawn, &decide, &mut |running| dice.below(running.len()), BUDGET)
            })
            .collect();
        if runs.iter().all(|run| run.status == "completed") {
            assert!(
                runs.iter().all(|run| run.counts == runs[0].counts),
                "seed {seed}: {drawn:?}"
            );
        }
    }
}

#[test]
fn replaying_the_completed_steps_gives_the_same_position() {
    for (seed, drawn) in graphs(30_000..30_600) {
        let plan: Arc<Plan> = walk::compile(&drawn).unwrap();
        let decide = decisions(&drawn, seed, seed % 2 == 1);
        let mut dice = Dice::new(seed);
        let (_, record) = walk::record(&plan, &decide, &mut |running| dice.below(running.len()), BUDGET);
        let (mut held, mut all) = Position::start(plan.clone(), BUDGET);
        for (done, (step, outcome)) in record.iter().enumerate() {
            if done % 7 == 0 {
                let fresh = walk::compile(&shuffled(&drawn, seed)).unwrap();
                let (mut replayed, mut again) = Position::start(fresh, BUDGET);
                for (step, outcome) in &record[..done] {
                    again.extend(replayed.complete(step, outcome).unwrap());
                }
                assert_eq!(
                    (replayed.running(), replayed.untaken()),
                    (held.running(), held.untaken()),
                    "seed {seed}"
                );
                assert_eq!(again, all, "seed {seed}");
            }
            all.extend(held.complete(step, outcome).unwrap());
        }
        assert!(held.end().is_some() && held.running().is_empty());
    }
}

#[test]
fn every_begun_step_is_completed_cancelled_or_an_open_loop_that_ends() {
    for (seed, drawn) in graphs(40_000..41_000) {
        let plan = walk::compile(&drawn).unwrap();
        let decide = decisions(&drawn, seed, true);
        let (mut position, mut changes) = Position::start(plan.clone(), BUDGET);
        let mut open = std::collections::BTreeSet::new();
        let mut dice = Dice::new(seed);
        loop {
            for change in &changes {
                match change {
                    Change::Begin { step, .. } => assert!(open.insert(step.clone()), "{step} begins twice"),
                    Change::Cancel { step } => {
                        assert!(open.remove(step), "{step} is cancelled, but does not run")
                    }
                    Change::LoopEnded { step, .. } => {
                        assert!(open.remove(step), "{step} ends, but does not run")
                    }
                    Change::End(end) => assert_eq!(position.end(), Some(end)),
                }
            }
            if position.end().is_some() {
                break;
            }
            let running = position.running();
            let step = running[dice.below(running.len())].clone();
            assert!(running.iter().all(|step| position.is_running(step)));
            let outcome = walk::outcome(&plan, &step, &decide);
            if !matches!(outcome, flow::Outcome::Items(_)) {
                assert!(open.remove(&step));
            }
            changes = position.complete(&step, &outcome).unwrap();
            assert!(!position.is_running(&step), "{step} has ended");
            assert!(
                position.complete(&step, &outcome).is_err(),
                "{step} is completed twice"
            );
        }
        assert!(open.is_empty(), "seed {seed}: {open:?} never ended");
    }
}
