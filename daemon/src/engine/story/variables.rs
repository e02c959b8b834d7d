//! Variables (rule 16): they belong to the execution, and the last write by completion order wins. Iterations that run
//! concurrently write to a copy of their own, which is seen by what is deeper inside; when their loop ends, the copies
//! are applied in item order to what is around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flow::{Place, Plan, StepId};
use serde_json::{Map, Value};

use super::super::holdings::Holdings;

/// The variables of one execution.
#[derive(Debug)]
pub struct Variables {
    own: Arc<Value>,
    /// What iterations of concurrent loops have set, by iteration.
    copies: BTreeMap<Place, Map<String, Value>>,
}

impl Variables {
    /// There are none.
    pub fn new() -> Variables {
        Variables {
            own: Arc::new(Value::Object(Map::new())),
            copies: BTreeMap::new(),
        }
    }

    /// Those of the execution, an object.
    pub fn own(&self) -> &Arc<Value> {
        &self.own
    }

    /// Those that a step in this place sees, an object.
    pub fn seen_from(&self, place: &Place) -> Arc<Value> {
        if self.copies.is_empty() {
            return self.own.clone();
        }
        let around = std::iter::successors(Some(place.clone()), Place::parent);
        let copies: Vec<_> = around.filter_map(|place| self.copies.get(&place)).collect();
        if copies.is_empty() {
            return self.own.clone();
        }
        let mut seen = self.own.as_object().cloned().unwrap_or_default();
        copies
            .into_iter()
            .rev()
            .for_each(|copy| seen.extend(copy.clone()));
        Arc::new(Value::Object(seen))
    }

    /// A step in this place has set some.
    pub fn set(&mut self, plan: &Plan, place: &Place, new: &Map<String, Value>, held: &mut Holdings) {
        if new.is_empty() {
            return;
        }
        let all = match home(plan, place) {
            Some(iteration) => self.copies.entry(iteration).or_default(),
            None => match Arc::make_mut(&mut self.own) {
                Value::Object(all) => all,
                _ => return,
            },
        };
        held.replace(all, new);
        all.extend(new.clone());
    }

    /// A run of a loop is over, in whatever way: what its iterations have set is seen around it from now on.
    pub fn apply(&mut self, plan: &Plan, ended: &StepId, held: &mut Holdings) {
        let first = ended.place.inside(ended.node.clone(), ended.run, 0);
        let inside: Vec<Place> = self
            .copies
            .range(first..)
            .map(|(place, _)| place.clone())
            .take_while(|place| is_inside(place, ended))
            .collect();
        for place in inside {
            let Some(copy) = self.copies.remove(&place) else {
                continue;
            };
            held.drop_all(&copy);
            self.set(plan, &ended.place, &copy, held);
        }
    }

    /// Joins the copies of iterations that are over and next to each other, so that a long loop holds few of them: they
    /// will be applied one after the other in any case.
    pub fn join(&mut self, open: &BTreeSet<&Place>, held: &mut Holdings) {
        let mut joined: BTreeMap<Place, Map<String, Value>> = BTreeMap::new();
        for (place, copy) in std::mem::take(&mut self.copies) {
            let before = joined.last_entry().filter(|before| {
                let (early, late) = (before.key(), &place);
                are_of_one_run(early, late) && open.range::<Place, _>(early..=late).next().is_none()
            });
            match before {
                Some(before) => {
                    let mut all = before.remove();
                    held.drop_all(&copy);
                    held.replace(&all, &copy);
                    all.extend(copy);
                    joined.insert(place, all);
                }
                None => drop(joined.insert(place, copy)),
            }
        }
        self.copies = joined;
    }

    /// How many iterations hold a copy.
    #[cfg(test)]
    pub fn copies(&self) -> usize {
        self.copies.len()
    }
}

/// The innermost iteration around a place whose loop runs several at a time; none: the execution.
fn home(plan: &Plan, place: &Place) -> Option<Place> {
    std::iter::successors(Some(place.clone()), Place::parent).find(|place| {
        place
            .iterations()
            .last()
            .is_some_and(|one| is_concurrent(plan, &one.loop_id))
    })
}

fn is_concurrent(plan: &Plan, id: &str) -> bool {
    plan.node(id)
        .and_then(|node| node.config.get("concurrency")?.as_f64())
        .is_some_and(|at_once| at_once > 1.0)
}

/// Whether a place is an iteration of this run of a loop, or lies in one.
fn is_inside(place: &Place, of: &StepId) -> bool {
    let around = of.place.iterations();
    place.iterations().starts_with(around)
        && place
            .iterations()
            .get(around.len())
            .is_some_and(|one| one.loop_id == of.node && one.run == of.run)
}

fn are_of_one_run(early: &Place, late: &Place) -> bool {
    let (early, late) = (early.iterations().split_last(), late.iterations().split_last());
    early.zip(late).is_some_and(|((a, before), (b, around))| {
        before == around && (&a.loop_id, a.run) == (&b.loop_id, b.run)
    })
}
