//! Whose outputs may still be asked for, and where: what a walk has to keep in memory.

use std::collections::BTreeSet;

use super::Position;
use crate::{Place, StepId};

impl Position {
    /// The completed steps whose output may still become the input of a step or the result of an iteration, and the
    /// open loops, whose output is the list. That of any other completed step is read by name only, if at all.
    pub fn sources(&self) -> BTreeSet<&StepId> {
        let of_frames = self.frames.values().flat_map(|frame| {
            let ends = [&frame.last, &frame.came_back, &frame.failed];
            frame.sources().chain(ends.into_iter().flatten())
        });
        let of_loops = self.steps.values().filter_map(|step| {
            let open = step.open.as_ref()?;
            Some(std::iter::once(&step.id).chain(open.results.values().flatten()))
        });
        of_frames.chain(of_loops.flatten()).collect()
    }

    /// The places in which a step may still begin or end: the execution itself and the open iterations.
    pub fn places(&self) -> BTreeSet<&Place> {
        self.frames.values().map(|frame| &frame.place).collect()
    }
}
