//! The deadline of an execution (`options.timeout_seconds`): from its occurrence to its end, waiting included.

use std::time::{Duration, Instant};

use super::ending::Ending;
use super::walk::{Halt, Walk};
use crate::definitions::Definition;

/// When an execution that is this old has to have ended: the age is by the database's clock, the rest by this one's.
pub(super) fn deadline(definition: &Definition, age: Duration) -> Option<Instant> {
    Instant::now().checked_add(definition.timeout?.saturating_sub(age))
}

impl Walk<'_> {
    /// Ends the execution when its time is over: what runs is dropped with the walk, what waits does not go on. The node
    /// that ran or waited longest is named.
    pub(super) fn in_time(&self) -> Result<(), Halt> {
        let Some(deadline) = self.deadline else {
            return Ok(());
        };
        if Instant::now() < deadline {
            return Ok(());
        }
        let limit = self.definition.timeout.unwrap_or_default();
        let message = format!("did not end within {} s", limit.as_secs_f64());
        let longest = self.story.running().into_iter().next().map(|step| step.node);
        Err(Halt::Failed(Box::new(Ending::failed(
            "timeout", message, longest,
        ))))
    }
}
