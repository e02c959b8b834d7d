//! The graph as data: parse, check, plan, conditions, templates, schedules.
//!
//! Pure: no Postgres, no tokio, no I/O, no clock of its own. The extension uses it to refuse a broken graph
//! when it is saved, the daemon to run it, so every rule has one meaning.

pub mod condition;
pub mod configured;
pub mod limits;
pub mod names;
pub mod problem;
pub mod schedule;
pub mod template;
pub mod trigger;

pub use condition::{Condition, ConditionError, Evaluated};
pub use configured::Configured;
pub use names::Names;
pub use problem::{Problem, Severity};
pub use schedule::{ScheduleError, next_runs};
pub use template::{Rendered, Template, TemplateError};
pub use trigger::{Event, Listener};
