//! What has happened in an execution so far: the position, and of each ended step what it was told and what it said.
//! The same fold serves a live walk and an execution that is taken up again (rules 17 and 18). No I/O.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flow::{Change, End, Outcome, Place, Plan, Position, PositionError, StepId};
use serde_json::{Map, Value};

/// An ended step.
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
    told: HashMap<StepId, Told>,
    newest: HashMap<(Arc<str>, Place), StepId>,
    variables: Map<String, Value>,
    order: Vec<StepId>,
    ordinal: u32,
}

impl Story {
    /// Nothing has happened yet.
    pub fn start(plan: Arc<Plan>, trigger: Arc<Value>, budget: u64) -> (Story, Moves) {
        let (position, changes) = Position::start(plan.clone(), budget);
        let mut story = Story {
            plan,
            trigger,
            position,
            told: HashMap::new(),
            newest: HashMap::new(),
            variables: Map::new(),
            order: Vec::new(),
            ordinal: 0,
        };
        let moves = story.follow(changes);
        (story, moves)
    }

    /// A running step has ended. An error leaves everything as it was.
    pub fn complete(&mut self, step: &StepId, told: Told) -> Result<Moves, PositionError> {
        let changes = self.position.complete(step, &told.outcome)?;
        self.ordinal += 1;
        self.variables.extend(told.variables.clone());
        if !matches!(told.outcome, Outcome::Items(_)) {
            self.order.push(step.clone()); // a loop ends when its iterations have
        }
        self.newest
            .insert((step.node.clone(), step.place.clone()), step.clone());
        self.told.insert(step.clone(), told);
        Ok(self.follow(changes))
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

    /// The variables by now.
    pub fn variables(&self) -> &Map<String, Value> {
        &self.variables
    }

    /// The ended steps in order of completion.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = (&StepId, &Told)> {
        self.order
            .iter()
            .filter_map(|step| Some((step, self.told.get(step)?)))
    }

    /// The newest run of a node in this place, else in the places around it (rule 16).
    pub fn newest(&self, node: &Arc<str>, place: &Place) -> Option<&Told> {
        let mut place = Some(place.clone());
        while let Some(here) = place {
            if let Some(step) = self.newest.get(&(node.clone(), here.clone())) {
                return self.told.get(step);
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
        self.told.get(&step).map(|told| &told.output)
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
                    moves.cancel.push(step);
                }
                Change::LoopEnded {
                    step,
                    handle,
                    results,
                } => self.loop_ended(step, handle, &results),
                Change::End(_) => moves.begin.clear(),
            }
        }
        moves
    }

    fn input(&self, step: &StepId, from: Option<&StepId>) -> Arc<Value> {
        let Some(from) = from else {
            return self.trigger.clone();
        };
        let Some(told) = self.told.get(from) else {
            return Arc::default();
        };
        let own = step.place.iterations().last();
        match own.filter(|own| own.loop_id == from.node && step.place != from.place) {
            // the first node of an iteration is given the item
            Some(own) => Arc::new(told.output.get(own.item as usize).cloned().unwrap_or_default()),
            None => told.output.clone(),
        }
    }

    fn loop_ended(&mut self, step: StepId, handle: &str, results: &[Option<StepId>]) {
        let output = |result: &Option<StepId>| {
            let told = result.as_ref().and_then(|step| self.told.get(step));
            told.map(|told| (*told.output).clone()).unwrap_or_default()
        };
        let list: Value = results.iter().map(output).collect();
        let error = self.ended().rev().find_map(|(_, told)| told.error.clone());
        if let Some(told) = self.told.get_mut(&step) {
            told.completed_at = Utc::now();
            told.output = Arc::new(list);
            if handle == "error" {
                told.output = error.clone().unwrap_or_default();
                told.error = error;
            }
        }
        self.order.push(step);
    }
}
