//! A step that has begun and not ended, and the iterations of an open loop.

use std::collections::BTreeMap;

use super::{Position, frame::Key};
use crate::StepId;

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub node: u32,
    pub frame: Key,
    pub id: StepId,
    /// Of a loop whose list is known.
    pub open: Option<Open>,
}

/// The iterations of a loop's run.
#[derive(Debug, Clone)]
pub(super) struct Open {
    items: u64,
    begun: u64,
    at_once: u64,
    /// The iterations that have begun and not ended, by item.
    pub frames: Vec<Key>,
    /// Of those that have ended.
    pub results: BTreeMap<u32, Option<StepId>>,
}

impl Open {
    pub fn new(items: u64, at_once: u64) -> Open {
        Open {
            items,
            begun: 0,
            at_once,
            frames: Vec::new(),
            results: BTreeMap::new(),
        }
    }

    /// The next item, if one may begin.
    pub fn next(&mut self) -> Option<u32> {
        let item = u32::try_from(self.begun).ok()?;
        let may = self.begun < self.items && (self.frames.len() as u64) < self.at_once;
        may.then(|| {
            self.begun += 1;
            item
        })
    }

    /// Ends all iterations of a loop without a body, so that a long list costs nothing.
    pub fn skip_all(&mut self) {
        let items = u32::try_from(self.items).unwrap_or(u32::MAX);
        self.results.extend((0..items).map(|item| (item, None)));
        self.begun = self.items;
    }

    pub fn is_over(&self) -> bool {
        self.frames.is_empty() && self.begun == self.items
    }
}

impl Position {
    pub(super) fn add_step(&mut self, number: u64, node: u32, frame: Key, id: StepId) {
        self.steps.insert(
            number,
            Step {
                node,
                frame,
                id,
                open: None,
            },
        );
        self.ready += 1;
    }

    /// Takes a step out of its frame; what waited for it is looked at again.
    pub(super) fn take_step(&mut self, number: u64) -> Option<Step> {
        let step = self.steps.remove(&number)?;
        if step.open.is_none() {
            self.ready -= 1;
        }
        if let Some(frame) = self.frames.get_mut(&step.frame) {
            frame.seat_mut(step.node).step = None;
            frame.running.remove(step.node);
            self.wake(&step.frame, step.node);
            self.consider(&step.frame, step.node);
            self.consider_closing(&step.frame);
        }
        Some(step)
    }

    /// The number of the running step with this identity.
    pub(super) fn find(&self, id: &StepId) -> Option<u64> {
        let key = self.key_of(&id.place)?;
        let number = self.in_frame(&key, &id.node, id.run)?;
        self.steps.get(&number).filter(|step| step.open.is_none())?;
        Some(number)
    }

    pub(super) fn in_frame(&self, key: &Key, node: &str, run: u32) -> Option<u64> {
        let seat = self.frames.get(key)?.seat(self.plan.index(node)?)?;
        seat.step.filter(|_| seat.runs == run)
    }
}
