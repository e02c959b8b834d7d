//! What has happened in an execution so far: the position, and of what ended as much as may still be read.
//! The same fold serves a live walk and an execution that is taken up again (rules 17 and 18). No I/O.

mod loops;
mod outputs;
mod told;
mod variables;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Change, End, Outcome, Place, Plan, Position, PositionError, StepId};
use serde_json::{Map, Value};

use super::clean::TooLarge;
use super::summary::Summary;
use crate::settings::Limits;
use outputs::Outputs;
pub use told::{Begun, Kept, Moves, Output, Told};
use variables::Variables;

/// The step that ended last.
#[derive(Debug, Clone, Default)]
pub struct Last {
    /// What it gave.
    pub output: Output,
    /// It stopped the execution.
    pub stopped: bool,
    /// The line of `nodes_executed` that shows it, with nothing of it cut.
    pub line: Option<usize>,
}

/// The story of one execution.
pub struct Story {
    plan: Arc<Plan>,
    trigger: Arc<Value>,
    position: Position,
    /// Of what has begun and not ended: the ordinal of the last step that had completed then.
    began_after: HashMap<StepId, u32>,
    outputs: Outputs,
    /// Of these the list is known, and not yet what came of it.
    open_loops: HashMap<StepId, Told>,
    variables: Variables,
    summary: Summary,
    /// The step that ended last.
    last: Option<Last>,
    /// The newest error, and whose it is.
    error: Option<(Arc<str>, Arc<Value>)>,
    ordinal: u32,
    max_output: usize,
    /// The loop whose results cannot be stored.
    too_large: Option<(Arc<str>, TooLarge)>,
}

impl Story {
    /// Nothing has happened yet.
    pub fn start(plan: Arc<Plan>, trigger: Arc<Value>, limits: &Limits) -> (Story, Moves) {
        let (position, changes) = Position::start(plan.clone(), limits.max_steps);
        let mut story = Story {
            plan,
            trigger,
            position,
            began_after: HashMap::new(),
            outputs: Outputs::new(),
            open_loops: HashMap::new(),
            variables: Variables::new(),
            summary: Summary::new(limits),
            last: None,
            error: None,
            ordinal: 0,
            max_output: limits.max_output,
            too_large: None,
        };
        let moves = story.follow(changes, Utc::now());
        (story, moves)
    }

    /// A running step has ended. An error leaves everything as it was.
    pub fn complete(&mut self, step: &StepId, told: Told) -> Result<Moves, PositionError> {
        let changes = self.position.complete(step, &told.outcome)?;
        self.ordinal += 1;
        self.began_after.remove(step);
        self.set(&step.place, &told.variables);
        let output = Output::Value(told.output.clone());
        self.outputs.keep(step, &output, told.error.as_ref());
        let at = told.completed_at;
        let line = if matches!(told.outcome, Outcome::Items(_)) {
            self.open(step, told); // a loop ends when its iterations have
            None
        } else {
            self.ended(step, &told, output)
        };
        let moves = Moves {
            line,
            ..self.follow(changes, at)
        };
        if self.outputs.is_full() {
            self.tidy(false);
        }
        Ok(moves)
    }

    /// The ordinal of the step that completes next.
    pub fn next_ordinal(&self) -> u32 {
        self.ordinal + 1
    }

    /// A record holds the next ordinal and is no part of the story.
    pub fn skip_ordinal(&mut self) {
        self.ordinal += 1;
    }

    /// The ordinal of the last step that had completed when this one began; 0: none.
    pub fn began_after(&self, step: &StepId) -> u32 {
        self.began_after.get(step).copied().unwrap_or(self.ordinal)
    }

    /// How the execution ended, if it has.
    pub fn end(&self) -> Option<&End> {
        self.position.end()
    }

    /// Whether nothing would be left to do if this step ended so.
    pub fn would_end(&self, step: &StepId, outcome: &Outcome) -> bool {
        let mut ahead = self.position.clone();
        ahead.complete(step, outcome).is_ok() && ahead.end().is_some()
    }

    /// Whether a step has begun and not ended.
    pub fn is_running(&self, step: &StepId) -> bool {
        self.position.is_running(step)
    }

    /// Steps that have begun and not ended, in the order of their beginning.
    pub fn running(&self) -> Vec<StepId> {
        self.position.running()
    }

    /// Nodes that were never reached.
    pub fn untaken(&self) -> Vec<Arc<str>> {
        self.position.untaken()
    }

    /// The run of a node that a step in this place means before it begins.
    pub fn upcoming(&self, node: &str, from: &Place) -> Option<StepId> {
        self.position.upcoming(node, from)
    }

    /// The graph.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The trigger data.
    pub fn trigger(&self) -> &Arc<Value> {
        &self.trigger
    }

    /// The variables of the execution by now, an object.
    pub fn variables(&self) -> &Arc<Value> {
        self.variables.own()
    }

    /// The variables that a step in this place sees, an object (rule 16).
    pub fn variables_in(&self, place: &Place) -> Arc<Value> {
        self.variables.seen_from(place)
    }

    /// What people read of the ended steps.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The step that ended last.
    pub fn last(&self) -> Option<&Last> {
        self.last.as_ref()
    }

    /// The newest error of all, if it is this node's.
    pub fn error_of(&self, node: &Arc<str>) -> Option<&Arc<Value>> {
        let (whose, error) = self.error.as_ref()?;
        (whose == node).then_some(error)
    }

    /// The loop whose results are larger than an output may be, and why: the execution cannot go on.
    pub fn too_large(&self) -> Option<&(Arc<str>, TooLarge)> {
        self.too_large.as_ref()
    }

    /// Whether what has to be kept in memory is at most this many bytes as JSON.
    pub fn fits_in(&mut self, most: usize) -> bool {
        if self.outputs.held.bytes() > most {
            self.tidy(true);
        }
        self.outputs.held.bytes() <= most
    }

    /// The newest run of a node in this place, else in the places around it (rule 16).
    pub fn newest(&self, node: &Arc<str>, place: &Place) -> Option<&Kept> {
        self.outputs.newest(node, place)
    }

    /// The run of a loop around a place: its list of items is the output until it has ended.
    pub fn items(&self, node: &Arc<str>, place: &Place, run: u32) -> Option<Arc<Value>> {
        let step = StepId {
            node: node.clone(),
            place: place.clone(),
            run,
        };
        self.outputs.of(&step).map(|kept| kept.output.value())
    }

    /// How many outputs and copies of variables are kept as values.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.outputs.len() + self.variables.copies()
    }

    fn set(&mut self, place: &Place, variables: &Map<String, Value>) {
        let held = &mut self.outputs.held;
        self.variables.set(&self.plan, place, variables, held);
    }

    fn tidy(&mut self, all: bool) {
        let places = self.position.places();
        self.variables.join(&places, &mut self.outputs.held);
        self.outputs.tidy(&self.position, &places, all);
    }

    fn ended(&mut self, step: &StepId, told: &Told, output: Output) -> Option<usize> {
        if let Some(error) = &told.error {
            self.error = Some((step.node.clone(), error.clone()));
        }
        let stopped = matches!(told.outcome, Outcome::Stopped(_));
        let node = self.plan.node(&step.node)?;
        let line = self.summary.add(node, step, told, &output);
        self.last = Some(Last {
            output,
            stopped,
            line,
        });
        line
    }

    fn follow(&mut self, changes: Vec<Change>, at: DateTime<Utc>) -> Moves {
        let mut moves = Moves::default();
        for change in changes {
            match change {
                Change::Begin { step, from } => {
                    let input = self.input(&step, from.as_ref());
                    self.began_after.insert(step.clone(), self.ordinal);
                    moves.begin.push(Begun { step, input });
                }
                Change::Cancel { step } => {
                    moves.begin.retain(|begun| begun.step != step);
                    self.began_after.remove(&step);
                    self.close(&step);
                    moves.cancel.push(step);
                }
                Change::LoopEnded {
                    step,
                    handle,
                    results,
                } => {
                    self.loop_ended(&step, handle, &results, at);
                }
                Change::End(_) => moves.begin.clear(),
            }
        }
        moves
    }
}
