//! The engine: walks a graph. It holds no SQL text and knows no HTTP: it asks [`crate::queue`] to write and
//! [`crate::nodes`] to act.

mod act;
mod as_tenant;
pub mod clean;
mod commit;
mod deadline;
pub mod ending;
pub mod execution;
pub mod groups;
mod holdings;
mod insist;
mod keeping;
pub mod links;
pub mod mentions;
mod names;
mod parking;
pub mod record;
mod recording;
mod replay;
mod retrying;
mod starting;
mod story;
pub mod summary;
mod taking;
mod taking_up;
#[cfg(test)]
mod tests;
mod together;
mod waiting;
mod walk;

pub use walk::{Walked, walk};

use std::time::Duration;

use self::groups::Groups;
use self::links::Links;
use crate::definitions::Definitions;
use crate::nodes::Services;
use crate::queue::Queue;

/// What every walk shares.
pub struct Engine {
    /// Where records go.
    pub queue: Queue,
    /// Where goes what is written together with that of other walks.
    pub groups: Groups,
    /// Compiled graphs.
    pub definitions: Definitions,
    /// What nodes use to act, and the limits.
    pub services: Services,
    /// `resume['id']` in templates.
    pub links: Links,
    /// How long nobody asks at most what has come for a step that waits while others run.
    pub poll_interval: Duration,
}
