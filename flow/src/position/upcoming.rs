//! Which run of a node a name means before that run begins: `resume['id'].token`.

use super::{
    Position,
    frame::{Frame, Key},
};
use crate::{Place, StepId};

impl Position {
    /// The run of `node` that a step in the place `from` means: in that place, or the first one outwards in which the
    /// node can run, the run that is open there, else the next. None if the node can run in none of them: it is not in
    /// the plan, it lies only in loops deeper than this place, or the place is over.
    pub fn upcoming(&self, node: &str, from: &Place) -> Option<StepId> {
        let at = self.plan.index(node)?;
        let mut frame = self.frames.get(&self.key_of(from)?)?;
        loop {
            if self.plan.scope(frame.scope)?.members.contains(at) {
                return self.run_in(frame, at);
            }
            frame = self.frames.get(&frame.outer.as_ref()?.frame)?;
        }
    }

    fn run_in(&self, frame: &Frame, node: u32) -> Option<StepId> {
        let (runs, open) = frame
            .seat(node)
            .map_or((0, false), |seat| (seat.runs, seat.step.is_some()));
        Some(StepId {
            node: self.plan.at(node)?.id.clone(),
            place: frame.place.clone(),
            run: if open { runs } else { runs.checked_add(1)? },
        })
    }

    /// The key of the frame that is open in a place.
    pub(super) fn key_of(&self, place: &Place) -> Option<Key> {
        let mut key = Key::default();
        for around in place.iterations() {
            let number = self.in_frame(&key, &around.loop_id, around.run)?;
            key = key.inside(number, around.item);
        }
        Some(key)
    }
}
