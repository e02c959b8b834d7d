//! Where an execution is: a fold over its completed steps (rule 18). Pure and deterministic; no clock, no chance.

use std::sync::Arc;

use crate::{Outcome, Plan, StepId};

/// What follows from the start, or from the completion of a step, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This step may run now.
    Begin {
        /// What to run.
        step: StepId,
        /// The step whose token came last: its output is the input. None at the start. For the first nodes of an
        /// iteration it is the loop's step.
        from: Option<StepId>,
    },
    /// This step's result is no longer wanted: stop it, and do not complete it. Also open loops.
    Cancel {
        /// What to stop.
        step: StepId,
    },
    /// The last iteration of a loop has ended, or the loop was ended.
    LoopEnded {
        /// The loop's step, completed with `Outcome::Items` before.
        step: StepId,
        /// The handle that it chose: `done` or `error`.
        handle: &'static str,
        /// For each iteration that ended, in item order, the step whose output (or error) is its result; none where
        /// nothing ran. Fewer than items after a break or a failure.
        results: Vec<Option<StepId>>,
    },
    /// The execution has ended. Always last, and only once.
    End(End),
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to do, or `logic-stop` said so.
    Completed,
    /// A failure that nothing took, or `logic-stop` said so.
    Failed {
        /// The node that failed, or stopped.
        node: Option<Arc<str>>,
    },
    /// `logic-stop` said so.
    Cancelled,
    /// It would have begun more steps than its budget.
    Budget {
        /// The nodes that ran most, and how often.
        nodes: Vec<(Arc<str>, u64)>,
    },
}

/// A completion that does not fit the position. The position is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// No such step has begun, or it has ended or was cancelled.
    #[error("step {0} is not running")]
    NotRunning(StepId),
    /// The execution has ended.
    #[error("step {0} is completed after the execution has ended")]
    Ended(StepId),
    /// A node of this type cannot choose that.
    #[error("step {step} of type {kind} cannot choose {outcome:?}")]
    Unfit {
        /// The step.
        step: StepId,
        /// Its node's type.
        kind: &'static str,
        /// What it is said to have chosen.
        outcome: Outcome,
    },
}

/// The position of one execution.
#[derive(Debug, Clone)]
pub struct Position {
    plan: Arc<Plan>,
    end: Option<End>,
}

impl Position {
    /// The position before anything has run, and what begins. `budget` is how many steps may begin in all.
    pub fn start(plan: Arc<Plan>, budget: u64) -> (Position, Vec<Change>) {
        let _ = budget;
        (Position { plan, end: None }, Vec::new())
    }

    /// The position after a running step has ended with `outcome`, and what follows.
    ///
    /// # Errors
    /// If the step is not running, or its node cannot choose that. Nothing changes then.
    pub fn complete(&mut self, step: &StepId, outcome: &Outcome) -> Result<Vec<Change>, PositionError> {
        let _ = outcome;
        Err(PositionError::NotRunning(step.clone()))
    }

    /// The steps that have begun and not ended, in the order of their beginning; open loops excluded.
    pub fn running(&self) -> Vec<StepId> {
        Vec::new()
    }

    /// How the execution ended, if it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The nodes that the start can reach and that never ran, by id.
    pub fn untaken(&self) -> Vec<Arc<str>> {
        self.plan.graph.nodes().map(|node| node.id.clone()).collect()
    }
}
