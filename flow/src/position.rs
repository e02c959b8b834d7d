//! Where an execution is: a fold over its completed steps (rule 18). Pure and deterministic; no clock, no chance.

mod budget;
#[cfg(test)]
mod cost;
mod ending;
mod frame;
mod loops;
mod settle;
mod sources;
mod step;
mod upcoming;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Outcome, Place, Plan, StepId, Stop, catalogue::ERROR, limits};
use frame::{Frame, Key};
use step::Step;

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
        /// Whether they are a cycle; they are in its order then.
        cycle: bool,
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

/// The position of one execution. What it holds grows with what runs and waits, not with what has ended.
#[derive(Debug, Clone)]
pub struct Position {
    plan: Arc<Plan>,
    budget: u64,
    /// How many steps have begun, in all and of each node.
    begun: u64,
    ran: Vec<u64>,
    /// Numbers steps and tokens in their order.
    next: u64,
    frames: BTreeMap<Key, Frame>,
    steps: BTreeMap<u64, Step>,
    /// How many of the steps are not open loops.
    ready: usize,
    /// The nodes with tokens that may have become free to start: frame, first token, node.
    agenda: BTreeSet<(Key, u64, u32)>,
    /// The merges and frames that may be over.
    closing: BTreeSet<(Key, u32)>,
    changes: Vec<Change>,
    end: Option<End>,
    /// How many edges were taken and waiting nodes looked at: what planning costs.
    #[cfg(test)]
    looks: u64,
}

impl Position {
    /// The position before anything has run, and what begins. `budget` is how many steps may begin in all.
    pub fn start(plan: Arc<Plan>, budget: u64) -> (Position, Vec<Change>) {
        let (bound, start) = (plan.live().bound(), plan.live().start);
        let root = Frame::new(bound, 0, Place::default(), None);
        let mut position = Position {
            plan,
            budget,
            begun: 0,
            ran: vec![0; bound],
            next: 0,
            frames: BTreeMap::from([(Key::default(), root)]),
            steps: BTreeMap::new(),
            ready: 0,
            agenda: BTreeSet::new(),
            closing: BTreeSet::new(),
            changes: Vec::new(),
            end: None,
            #[cfg(test)]
            looks: 0,
        };
        position.begin(&Key::default(), start, None);
        position.settle();
        let changes = std::mem::take(&mut position.changes);
        (position, changes)
    }

    /// The position after a running step has ended with `outcome`, and what follows.
    ///
    /// # Errors
    /// If the step is not running, or its node cannot choose that. Nothing changes then.
    pub fn complete(&mut self, step: &StepId, outcome: &Outcome) -> Result<Vec<Change>, PositionError> {
        if self.end.is_some() {
            return Err(PositionError::Ended(step.clone()));
        }
        let not_running = || PositionError::NotRunning(step.clone());
        let number = self.find(step).ok_or_else(not_running)?;
        let node = self.plan.node(&step.node).ok_or_else(not_running)?;
        let (kind, disabled) = (node.kind.name, node.disabled);
        if !disabled && !fits(kind, outcome) {
            return Err(PositionError::Unfit {
                step: step.clone(),
                kind,
                outcome: outcome.clone(),
            });
        }
        match outcome {
            _ if disabled => self.pass(number),
            Outcome::Default | Outcome::Skipped => self.pass(number),
            Outcome::Failed => self.fail(number),
            Outcome::Broke => self.break_loop(number),
            Outcome::Items(items) => self.open_loop(number, *items),
            Outcome::Chose(handles) => {
                // A run that succeeded never chooses `error` (rule 2).
                let handles: Vec<&str> = handles
                    .iter()
                    .map(String::as_str)
                    .filter(|name| *name != ERROR)
                    .collect();
                self.leave(number, &handles);
            }
            Outcome::Stopped(stop) => {
                self.take_step(number);
                self.finish(match stop {
                    Stop::Success => End::Completed,
                    Stop::Failure => End::Failed {
                        node: Some(step.node.clone()),
                    },
                    Stop::Cancelled => End::Cancelled,
                });
            }
        }
        self.settle();
        self.finish_if_idle();
        Ok(std::mem::take(&mut self.changes))
    }

    /// Counts a look at an edge or a waiting node, for the tests of what planning costs.
    #[inline]
    fn look(&mut self) {
        #[cfg(test)]
        {
            self.looks += 1;
        }
    }

    /// The steps that have begun and not ended, in the order of their beginning; open loops excluded.
    pub fn running(&self) -> Vec<StepId> {
        self.steps
            .values()
            .filter(|step| step.open.is_none())
            .map(|step| step.id.clone())
            .collect()
    }

    /// Whether a step has begun and not ended; not so an open loop.
    pub fn is_running(&self, step: &StepId) -> bool {
        self.find(step).is_some()
    }

    /// How the execution ended, if it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The nodes that the start can reach and that never ran, by id.
    pub fn untaken(&self) -> Vec<Arc<str>> {
        let never = |at: &u32| self.ran.get(*at as usize) == Some(&0);
        let live = self.plan.live().nodes.iter().filter(never);
        live.filter_map(|at| Some(self.plan.at(at)?.id.clone())).collect()
    }
}

/// Whether a node of this type can end a run so.
fn fits(kind: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed | Outcome::Skipped => true,
        Outcome::Items(items) => kind == "logic-loop" && *items <= limits::ITEMS,
        Outcome::Stopped(_) => kind == "logic-stop",
        Outcome::Broke => kind == "logic-break",
        Outcome::Default | Outcome::Chose(_) => !matches!(kind, "logic-loop" | "logic-stop" | "logic-break"),
    }
}
