//! Drives a `Position` to its end with given decisions and a given order of completion.

use std::{collections::BTreeMap, sync::Arc};

use flow::{Change, End, Limits, Outcome, Plan, Position, StepId, Stop};

use crate::build::Drawn;

/// What a run of a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// The ordinary outcome.
    Nothing,
    Handles(Vec<String>),
    Error,
    Items(u64),
}

/// The loops around a run, outermost first: node, run, item.
pub type Where = [(String, u32, u32)];
pub type Decide<'a> = &'a dyn Fn(&str, &Where, u32) -> Says;
/// Which of so many running steps, in the order of their beginning, ends next.
pub type Pick<'a> = &'a mut dyn FnMut(&[Step]) -> usize;
/// Node, place and run, the place as text.
pub type Step = (String, String, u32);

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Walked {
    pub status: String,
    pub error_node: Option<String>,
    /// How often each node ran; disabled ones do not count.
    pub counts: BTreeMap<String, u32>,
    /// In order of completion, loops when they end.
    pub order: Vec<Step>,
}

pub fn compile(drawn: &Drawn) -> Result<Arc<Plan>, Vec<flow::Problem>> {
    Plan::compile(
        &drawn.nodes(),
        &drawn.edges(),
        "manual",
        "manual",
        &Limits::default(),
    )
    .map(Arc::new)
}

fn named(step: &StepId) -> Step {
    (step.node.to_string(), step.place.to_string(), step.run)
}

pub fn places(step: &StepId) -> Vec<(String, u32, u32)> {
    step.place
        .iterations()
        .iter()
        .map(|one| (one.loop_id.to_string(), one.run, one.item))
        .collect()
}

/// What is recorded of a run: its outcome in the words of the fold.
pub fn outcome(plan: &Plan, step: &StepId, decide: Decide) -> Outcome {
    let node = plan.node(&step.node).unwrap();
    if node.disabled {
        return Outcome::Skipped;
    }
    match (node.kind.name, decide(&step.node, &places(step), step.run)) {
        (_, Says::Error) => Outcome::Failed,
        ("logic-stop", _) => Outcome::Stopped(match node.config["status"].as_str() {
            Some("failure") => Stop::Failure,
            Some("cancelled") => Stop::Cancelled,
            _ => Stop::Success,
        }),
        ("logic-break", _) => Outcome::Broke,
        ("logic-loop", Says::Items(items)) => Outcome::Items(items),
        ("logic-loop", _) => Outcome::Items(0),
        (_, Says::Handles(handles)) => Outcome::Chose(handles),
        _ => Outcome::Default,
    }
}

/// A walk and everything that was completed in it, for replaying.
pub fn record(plan: &Arc<Plan>, decide: Decide, pick: Pick, budget: u64) -> (Walked, Vec<(StepId, Outcome)>) {
    let mut walked = Walked::default();
    let mut record = Vec::new();
    let (mut position, mut changes) = Position::start(plan.clone(), budget);
    loop {
        for change in &changes {
            if let Change::LoopEnded { step, .. } = change {
                walked.order.push(named(step));
            }
        }
        if let Some(end) = position.end() {
            (walked.status, walked.error_node) = match end {
                End::Completed => ("completed".into(), None),
                End::Failed { node } => ("failed".into(), node.as_ref().map(|node| node.to_string())),
                End::Cancelled => ("cancelled".into(), None),
                End::Budget { .. } => ("budget".into(), None),
            };
            return (walked, record);
        }
        let running = position.running();
        let steps: Vec<Step> = running.iter().map(named).collect();
        let step = running[pick(&steps)].clone();
        let outcome = outcome(plan, &step, decide);
        let node = plan.node(&step.node).unwrap();
        if !node.disabled {
            *walked.counts.entry(step.node.to_string()).or_default() += 1;
        }
        if !matches!(outcome, Outcome::Items(_)) {
            walked.order.push(named(&step));
        }
        changes = position.complete(&step, &outcome).unwrap();
        record.push((step, outcome));
    }
}

pub fn walk(drawn: &Drawn, decide: Decide, pick: Pick, budget: u64) -> Walked {
    let plan = compile(drawn).unwrap_or_else(|problems| panic!("refused: {problems:?} {drawn:?}"));
    record(&plan, decide, pick, budget).0
}
