//! Outputs that may still be read: the newest of each node in each open place, what is on its way to a node, and the
//! results of open loops. Older ones are in the database and in people's summary, and go when the story grows.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use flow::{Place, Position, StepId};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::super::holdings::Holdings;
use super::told::{Kept, Output};

/// Below these nothing is tidied up: it would cost more than it gives.
const TIDY_FROM_BYTES: usize = 1 << 20;
const TIDY_FROM_STEPS: usize = 2_000;

/// The outputs of one story.
pub struct Outputs {
    kept: HashMap<StepId, Kept>,
    newest: HashMap<(Arc<str>, Place), StepId>,
    /// Of iterations that are over, the results of open loops among them: as JSON, which takes a small part of the
    /// memory, because nothing reads them before the loop ends.
    results: HashMap<StepId, Box<RawValue>>,
    /// What is kept in memory, variables included.
    pub held: Holdings,
    tidy_at: (usize, usize),
    purge_at: usize,
}

impl Outputs {
    /// There are none.
    pub fn new() -> Outputs {
        Outputs {
            kept: HashMap::new(),
            newest: HashMap::new(),
            results: HashMap::new(),
            held: Holdings::default(),
            tidy_at: (TIDY_FROM_BYTES, TIDY_FROM_STEPS),
            purge_at: TIDY_FROM_STEPS,
        }
    }

    /// This is what the step gave, and it is the newest run of its node in its place.
    pub fn keep(&mut self, step: &StepId, output: &Output, error: Option<&Arc<Value>>) {
        self.newest
            .insert((step.node.clone(), step.place.clone()), step.clone());
        self.forget(step);
        match output {
            Output::Value(value) => self.held.keep(value),
            Output::Json(json) => self.held.keep_bytes(json.get().len()),
        }
        let kept = Kept {
            output: output.clone(),
            error: error.cloned(),
        };
        self.kept.insert(step.clone(), kept);
    }

    /// What may be read of a step.
    pub fn of(&self, step: &StepId) -> Option<&Kept> {
        self.kept.get(step)
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

    /// What a step gave that led to a node, or that an iteration of a loop came to.
    pub fn given(&self, step: &StepId) -> Option<Arc<Value>> {
        if let Some(kept) = self.kept.get(step) {
            return Some(kept.output.value());
        }
        let result = self.results.get(step)?;
        serde_json::from_str(result.get()).ok().map(Arc::new)
    }

    /// The same as JSON, at the end of a list of them. False: it is larger than there is room.
    pub fn write(&self, step: Option<&StepId>, list: &mut Vec<u8>, most: usize) -> bool {
        let kept = step.and_then(|step| self.kept.get(step));
        let result = step.and_then(|step| self.results.get(step));
        match (kept, result) {
            (Some(kept), _) => serde_json::to_writer(&mut *list, &kept.output).is_ok() && list.len() <= most,
            (None, result) => {
                list.extend_from_slice(result.map_or("null", |result| result.get()).as_bytes());
                list.len() <= most
            }
        }
    }

    /// Whether it is time to forget what nothing can read any more.
    pub fn is_full(&self) -> bool {
        self.held.bytes() > self.tidy_at.0 || self.kept.len() > self.tidy_at.1
    }

    /// Forgets what nothing can read any more. What may still be asked for is listed, which costs time in the order of
    /// the results of open loops, only when `all` is to go, or when there is twice as much of it as the last time.
    pub fn tidy(&mut self, position: &Position, places: &BTreeSet<&Place>, all: bool) {
        self.newest.retain(|(_, place), _| places.contains(place));
        let newest: HashSet<&StepId> = self.newest.values().collect();
        let older = self.kept.keys().filter(|step| !newest.contains(step));
        let (here, gone): (Vec<StepId>, Vec<StepId>) =
            older.cloned().partition(|step| places.contains(&step.place));
        for step in gone {
            let kept = self.kept.get(&step);
            if let Some(result) = kept.and_then(|kept| to_raw_value(&kept.output).ok()) {
                self.held.keep_bytes(result.get().len());
                self.results.insert(step.clone(), result);
            }
            self.forget(&step);
        }
        let is_much = self.held.bytes() > self.tidy_at.0 || self.results.len() > self.purge_at;
        if all || is_much || here.len() > TIDY_FROM_STEPS / 2 {
            let sources = position.sources();
            for step in here.iter().filter(|step| !sources.contains(step)) {
                self.forget(step);
            }
            let held = &mut self.held;
            self.results.retain(|step, result| {
                let is_wanted = sources.contains(step);
                if !is_wanted {
                    held.leave_bytes(result.get().len());
                }
                is_wanted
            });
            self.purge_at = TIDY_FROM_STEPS.max(self.results.len().saturating_mul(2));
        }
        self.tidy_at = (
            TIDY_FROM_BYTES.max(self.held.bytes().saturating_mul(2)),
            TIDY_FROM_STEPS.max(self.kept.len().saturating_mul(2)),
        );
    }

    /// How many outputs are kept as values.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    fn forget(&mut self, step: &StepId) {
        if let Some(kept) = self.kept.remove(step) {
            match kept.output {
                Output::Value(value) => self.held.leave(&value),
                Output::Json(json) => self.held.leave_bytes(json.get().len()),
            }
        }
    }
}
