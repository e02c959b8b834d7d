//! What has happened in an execution so far: the position, and of what ended as much as may still be read.
//! The same fold serves a live walk and an execution that is taken up again (rules 17 and 18). No I/O.
//!
//! A story holds the newest output of each node in each open place and what is on its way to a node; older outputs
//! are in the database and in people's summary, and go when the story grows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Change, End, Outcome, Place, Plan, Position, PositionError, StepId};
use serde_json::{Map, Value};

use super::holdings::Holdings;
use super::summary::Summary;
use crate::settings::Limits;

/// Below this nothing is tidied up: it would cost more than it gives.
const TIDY_FROM: usize = 1 << 20;

/// A step as it ends.
#[derive(Debug, Clone)]
pub struct Told {
    /// Which attempt it was.
    pub attempt: u32,
    /// What it chose.
    pub outcome: Outcome,
    /// What it was given.
    pub input: Arc<Value>,
    /// What it gave; of a failed one the error.
    pub output: Arc<Value>,
    /// Message, code and more.
    pub error: Option<Arc<Value>>,
    /// Variables that it set.
    pub variables: Map<String, Value>,
    /// Noted on it.
    pub warnings: Vec<String>,
    /// Local clock; for people.
    pub started_at: DateTime<Utc>,
    /// Local clock; for people.
    pub completed_at: DateTime<Utc>,
    /// By the monotonic clock.
    pub duration_ms: u64,
}

/// What may still be read of an ended step.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it gave.
    pub output: Arc<Value>,
    /// Message, code and more, of a failed one.
    pub error: Option<Arc<Value>>,
}

/// A step that may run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// What to run.
    pub step: StepId,
    /// The output of the node that led here.
    pub input: Arc<Value>,
}

/// What follows from a completion.
#[derive(Debug, Default)]
pub struct Moves {
    /// Steps to run.
    pub begin: Vec<Begun>,
    /// Steps whose result is no longer wanted.
    pub cancel: Vec<StepId>,
}

/// The story of one execution.
pub struct Story {
    plan: Arc<Plan>,
    trigger: Arc<Value>,
    position: Position,
    kept: HashMap<StepId, Kept>,
    newest: HashMap<(Arc<str>, Place), StepId>,
    /// Of these the list is known, and not yet what came of it.
    open_loops: HashMap<StepId, Told>,
    variables: Arc<Value>,
    summary: Summary,
    /// Of the step that ended last: its output, and whether it stopped the execution.
    last: Option<(Arc<Value>, bool)>,
    /// The newest error of each node, and of all.
    errors: HashMap<Arc<str>, Arc<Value>>,
    error: Option<Arc<Value>>,
    ordinal: u32,
    held: Holdings,
    tidy_at: usize,
}

impl Story {
    /// Nothing has happened yet.
    pub fn start(plan: Arc<Plan>, trigger: Arc<Value>, limits: &Limits) -> (Story, Moves) {
        let (position, changes) = Position::start(plan.clone(), limits.max_steps);
        let mut story = Story {
            plan,
            trigger,
            position,
            kept: HashMap::new(),
            newest: HashMap::new(),
            open_loops: HashMap::new(),
            variables: Arc::new(Value::Object(Map::new())),
            summary: Summary::new(limits),
            last: None,
            errors: HashMap::new(),
            error: None,
            ordinal: 0,
            held: Holdings::default(),
            tidy_at: TIDY_FROM,
        };
        let moves = story.follow(changes);
        (story, moves)
    }

    /// A running step has ended. An error leaves everything as it was.
    pub fn complete(&mut self, step: &StepId, told: Told) -> Result<Moves, PositionError> {
        let changes = self.position.complete(step, &told.outcome)?;
        self.ordinal += 1;
        self.set(&told.variables);
        self.newest
            .insert((step.node.clone(), step.place.clone()), step.clone());
        self.keep(step, &told);
        if matches!(told.outcome, Outcome::Items(_)) {
            self.open_loops.insert(step.clone(), told); // a loop ends when its iterations have
        } else {
            self.ended(step, told);
        }
        let moves = self.follow(changes);
        if self.held.bytes() > self.tidy_at {
            self.tidy();
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

    /// How the execution ended, if it has.
    pub fn end(&self) -> Option<&End> {
        self.position.end()
    }

    /// Steps that have begun and not ended.
    pub fn running(&self) -> Vec<StepId> {
        self.position.running()
    }

    /// Nodes that were never reached.
    pub fn untaken(&self) -> Vec<Arc<str>> {
        self.position.untaken()
    }

    /// The graph.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The trigger data.
    pub fn trigger(&self) -> &Arc<Value> {
        &self.trigger
    }

    /// The variables by now, an object.
    pub fn variables(&self) -> &Arc<Value> {
        &self.variables
    }

    /// What people read of the ended steps.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The output of the step that ended last, and whether it stopped the execution.
    pub fn last(&self) -> Option<&(Arc<Value>, bool)> {
        self.last.as_ref()
    }

    /// The newest error of a node.
    pub fn error_of(&self, node: &Arc<str>) -> Option<&Arc<Value>> {
        self.errors.get(node)
    }

    /// Whether what has to be kept in memory is at most this many bytes as JSON.
    pub fn fits_in(&mut self, most: usize) -> bool {
        if self.held.bytes() > most {
            self.tidy();
        }
        self.held.bytes() <= most
    }

    /// The newest run of a node in this place, else in the places around it (rule 16).
    pub fn newest(&self, node: &Arc<str>, place: &Place) -> Option<&Kept> {
        let mut place = Some(place.clone());
        while let Some(here) = place {
            if let Some(step) = self.newest.get(&(node.clone(), here.clone())) {
                return self.kept.get(step);
            }
            place = here.parent();
        }
        None
    }

    /// The run of a loop around a place: its list of items is the output until it has ended.
    pub fn items(&self, node: &Arc<str>, place: &Place, run: u32) -> Option<&Arc<Value>> {
        let step = StepId {
            node: node.clone(),
            place: place.clone(),
            run,
        };
        self.kept.get(&step).map(|kept| &kept.output)
    }

    fn set(&mut self, variables: &Map<String, Value>) {
        if variables.is_empty() {
            return;
        }
        if let Value::Object(all) = Arc::make_mut(&mut self.variables) {
            self.held.replace(all, variables);
            all.extend(variables.clone());
        }
    }

    fn keep(&mut self, step: &StepId, told: &Told) {
        self.forget(step);
        self.held.keep(&told.output);
        let kept = Kept {
            output: told.output.clone(),
            error: told.error.clone(),
        };
        self.kept.insert(step.clone(), kept);
    }

    fn forget(&mut self, step: &StepId) {
        if let Some(kept) = self.kept.remove(step) {
            self.held.leave(&kept.output);
        }
    }

    /// Forgets what nothing can read any more.
    fn tidy(&mut self) {
        let (sources, places) = (self.position.sources(), self.position.places());
        self.newest.retain(|(_, place), _| places.contains(place));
        let newest: HashSet<&StepId> = self.newest.values().collect();
        let over: Vec<StepId> = self
            .kept
            .keys()
            .filter(|step| !sources.contains(step) && !newest.contains(step))
            .cloned()
            .collect();
        over.iter().for_each(|step| self.forget(step));
        self.tidy_at = TIDY_FROM.max(self.held.bytes().saturating_mul(2));
    }

    fn ended(&mut self, step: &StepId, told: Told) {
        if let Some(error) = &told.error {
            self.errors.insert(step.node.clone(), error.clone());
            self.error = Some(error.clone());
        }
        let stopped = matches!(told.outcome, Outcome::Stopped(_));
        self.last = Some((told.output.clone(), stopped));
        self.summary.add(step, told);
    }

    fn follow(&mut self, changes: Vec<Change>) -> Moves {
        let mut moves = Moves::default();
        for change in changes {
            match change {
                Change::Begin { step, from } => {
                    let input = self.input(&step, from.as_ref());
                    moves.begin.push(Begun { step, input });
                }
                Change::Cancel { step } => {
                    moves.begin.retain(|begun| begun.step != step);
                    self.open_loops.remove(&step);
                    moves.cancel.push(step);
                }
                Change::LoopEnded {
                    step,
                    handle,
                    results,
                } => self.loop_ended(&step, handle, &results),
                Change::End(_) => moves.begin.clear(),
            }
        }
        moves
    }

    fn input(&self, step: &StepId, from: Option<&StepId>) -> Arc<Value> {
        let Some(from) = from else {
            return self.trigger.clone();
        };
        let Some(kept) = self.kept.get(from) else {
            return Arc::default();
        };
        let own = step.place.iterations().last();
        match own.filter(|own| own.loop_id == from.node && step.place != from.place) {
            // the first node of an iteration is given the item
            Some(own) => Arc::new(kept.output.get(own.item as usize).cloned().unwrap_or_default()),
            None => kept.output.clone(),
        }
    }

    fn loop_ended(&mut self, step: &StepId, handle: &str, results: &[Option<StepId>]) {
        let output = |result: &Option<StepId>| {
            let kept = result.as_ref().and_then(|step| self.kept.get(step));
            kept.map(|kept| (*kept.output).clone()).unwrap_or_default()
        };
        let list: Value = results.iter().map(output).collect();
        let Some(mut told) = self.open_loops.remove(step) else {
            return;
        };
        told.completed_at = Utc::now();
        told.output = Arc::new(list);
        if handle == "error" {
            told.output = self.error.clone().unwrap_or_default();
            told.error = self.error.clone();
        }
        self.keep(step, &told);
        self.ended(step, told);
    }
}
