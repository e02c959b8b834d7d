//! The engine: walks a graph. It holds no SQL text and knows no HTTP: it asks [`crate::queue`] to write and
//! [`crate::nodes`] to act.

mod act;
mod as_tenant;
pub mod clean;
mod commit;
mod deadline;
pub mod ending;
pub mod execution;
mod holdings;
mod insist;
pub mod mentions;
mod names;
mod parking;
pub mod record;
mod replay;
mod retrying;
mod starting;
mod story;
pub mod summary;
mod taking;
mod taking_up;
#[cfg(test)]
mod tests;
mod walk;

pub use walk::{Walked, walk};

use crate::definitions::Definitions;
use crate::nodes::Services;
use crate::queue::Queue;

/// What every walk shares.
pub struct Engine {
    /// Where records go.
    pub queue: Queue,
    /// Compiled graphs.
    pub definitions: Definitions,
    /// What nodes use to act, and the limits.
    pub services: Services,
}
