//! The graph as data: parse, check, plan, conditions, templates, schedules, schemas.
//!
//! Pure: no Postgres, no tokio, no I/O, no clock of its own. The extension uses it to refuse a broken graph
//! when it is saved, the daemon to run it, so every rule has one meaning.

pub mod api_key;
mod bits;
pub mod catalogue;
mod check;
mod components;
pub mod condition;
pub mod configured;
mod event_match;
mod graph;
pub mod limits;
mod live;
mod measure;
pub mod moment;
pub mod names;
mod node;
pub mod options;
mod outcome;
mod place;
mod plan;
mod position;
pub mod problem;
pub mod schedule;
pub mod schema;
mod scope;
mod sealed;
pub mod template;
mod token;
pub mod trigger;

pub use api_key::ApiKey;
pub use catalogue::NodeType;
pub use check::check;
pub use condition::{Condition, ConditionError, Evaluated};
pub use configured::Configured;
pub use event_match::{EventMatch, event_matches};
pub use graph::Graph;
pub use limits::Limits;
pub use names::Names;
pub use node::{Node, OnError, OnInterrupted, Retry};
pub use options::Options;
pub use outcome::{Outcome, Stop};
pub use place::{Iteration, Place, PlaceError, StepId};
pub use plan::Plan;
pub use position::{Change, End, Position, PositionError};
pub use problem::{Problem, Severity};
pub use schedule::{ScheduleError, next_runs};
pub use schema::Schema;
pub use sealed::{SealKey, Secret};
pub use template::{Rendered, Template, TemplateError};
pub use token::{ResumeSecret, ResumeToken, TokenError, TokenKind};
pub use trigger::schedule::Schedule;
pub use trigger::{Event, Listener};
