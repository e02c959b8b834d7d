//! Which steps an execution had completed before a node's last run began, and whether they fit another graph. Pure.

use std::sync::Arc;

use flow::{Change, Outcome, Plan, Position, PositionError, Problem, StepId};
use serde_json::Value;

use crate::refusal::Refusal;

/// A graph as a version holds it.
pub struct Graph {
    /// The execution's trigger type.
    pub trigger_type: String,
    /// The automation's own.
    pub own: String,
    /// As saved.
    pub nodes: Value,
    /// As saved.
    pub edges: Value,
}

/// A completed step.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Its place in the order of completion, from 1.
    pub ordinal: i32,
    /// The node.
    pub node: String,
    /// The place, as canonical JSON.
    pub place: String,
    /// Which run of the node in that place.
    pub run: i32,
    /// The node's type, where it was recorded.
    pub kind: Option<String>,
    /// What it chose, as JSON.
    pub outcome: String,
}

/// A step that is taken over.
#[derive(Debug)]
pub struct Taken<'a> {
    /// Its record.
    pub record: &'a Record,
    /// It lost against a cancellation that was recorded before it, and is no part of the position.
    lost: bool,
}

impl Graph {
    /// Of a version that is gone.
    pub fn nothing() -> Graph {
        Graph {
            trigger_type: String::new(),
            own: String::new(),
            nodes: Value::Null,
            edges: Value::Null,
        }
    }

    fn plan(&self) -> Result<Arc<Plan>, Refusal> {
        if self.nodes.is_null() {
            let gone = "the version that the execution ran is not there any more: retry it from the start";
            return Err(Refusal::Unfit(gone.to_owned()));
        }
        let limits = flow::Limits::default();
        let plan = Plan::compile(&self.nodes, &self.edges, &self.trigger_type, &self.own, &limits);
        plan.map(Arc::new).map_err(|problems| {
            let problem = problems.into_iter().find(Problem::is_error);
            Refusal::Unfit(problem.map_or_else(
                || "the graph cannot run".to_owned(),
                |problem| match problem.node_id {
                    Some(node) => format!("the graph cannot run: node {node}: {}", problem.message),
                    None => format!("the graph cannot run: {}", problem.message),
                },
            ))
        })
    }
}

impl Record {
    fn read(&self) -> Result<(StepId, Outcome), Refusal> {
        let unreadable = || Refusal::Unfit(format!("the record of node {} cannot be read", self.node));
        let step = StepId {
            node: self.node.as_str().into(),
            place: self.place.parse().map_err(|_| unreadable())?,
            run: u32::try_from(self.run).map_err(|_| unreadable())?,
        };
        let outcome = serde_json::from_str(&self.outcome).map_err(|_| unreadable())?;
        Ok((step, outcome))
    }
}

/// The records of what had completed when the last run of `node`, in whatever place, began.
///
/// # Errors
/// [`Refusal::Unfit`]: the node never ran, or the records are not of this graph.
pub fn before_last_run<'a>(
    graph: &Graph,
    records: &'a [Record],
    node: &str,
) -> Result<Vec<Taken<'a>>, Refusal> {
    let (mut position, first) = Position::start(graph.plan()?, u64::MAX);
    let mut began = begins(&first, node).then_some(0);
    let mut taken = Vec::new();
    for record in records {
        let (step, outcome) = record.read()?;
        let lost = match position.complete(&step, &outcome) {
            Ok(changes) => {
                if begins(&changes, node) {
                    began = Some(taken.len() + 1);
                }
                false
            }
            Err(PositionError::NotRunning(_)) => true,
            Err(PositionError::Ended(_)) => break,
            Err(error @ PositionError::Unfit { .. }) => return Err(Refusal::Unfit(error.to_string())),
        };
        taken.push(Taken { record, lost });
    }
    let Some(count) = began else {
        return Err(Refusal::Unfit(format!("node {node} never ran in this execution")));
    };
    taken.truncate(count);
    Ok(taken)
}

/// Refuses steps that do not fit another graph.
///
/// # Errors
/// [`Refusal::Unfit`], naming the first node that does not.
pub fn fits(graph: &Graph, taken: &[Taken<'_>]) -> Result<(), Refusal> {
    let plan = graph.plan()?;
    let (mut position, _) = Position::start(plan.clone(), u64::MAX);
    for Taken { record, lost } in taken {
        let name = &record.node;
        let Some(node) = plan.node(name) else {
            let gone = format!("node {name}, which would be taken over, is not there any more");
            return Err(Refusal::Unfit(gone));
        };
        if record.kind.as_deref().is_some_and(|kind| kind != node.kind.name) {
            let other = format!(
                "node {name}, which would be taken over, is {} now",
                node.kind.name
            );
            return Err(Refusal::Unfit(other));
        }
        let (step, outcome) = record.read()?;
        match position.complete(&step, &outcome) {
            Ok(_) => {}
            Err(PositionError::NotRunning(_)) if *lost => {}
            Err(_) => {
                let elsewhere =
                    format!("node {name}, which would be taken over, does not run there any more ({step})");
                return Err(Refusal::Unfit(elsewhere));
            }
        }
    }
    Ok(())
}

/// Whether these changes begin a run of the node that stays begun.
fn begins(changes: &[Change], node: &str) -> bool {
    let cancelled = |one: &StepId| {
        let is_it = |change: &Change| matches!(change, Change::Cancel { step } if step == one);
        changes
            .iter()
            .any(|change| is_it(change) || matches!(change, Change::End(_)))
    };
    changes
        .iter()
        .any(|change| matches!(change, Change::Begin { step, .. } if *step.node == *node && !cancelled(step)))
}

#[cfg(test)]
mod tests;
