//! Taking up an execution that has steps: the recorded ones are folded into the position again, in their order of
//! completion (rule 18). What had only started runs again with the same key, what is parked goes on waiting.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use flow::{Outcome, PositionError, StepId};
use serde_json::{Map, Value};

use super::clean::TooLarge;
use super::record::FORMAT;
use super::story::{Begun, Moves, Story, Told};
use super::taking::{holds_too_much, results_too_large};
use crate::nodes::outside::Wait;
use crate::queue::execution_steps::StoredStep;

/// A record that does not fit the graph: the execution cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Place, run or outcome of a record are not what the engine writes.
    #[error("the record of node {0} cannot be read")]
    Unreadable(String),
    /// The fold refused it.
    #[error("the records do not fit the graph: {0}")]
    Unfit(#[from] PositionError),
    /// What the execution holds is more than it may.
    #[error("{}", holds_too_much(*.0))]
    TooLarge(usize),
    /// The results of a loop cannot be stored.
    #[error("{}", results_too_large(.0, .1))]
    Results(Arc<str>, TooLarge),
    /// A daemon that knows more than this one wrote it.
    #[error("a newer daemon wrote this execution: its format is {0}")]
    Newer(i16),
}

impl ReplayError {
    /// The `error_code` of the execution.
    pub fn code(&self) -> &'static str {
        match self {
            ReplayError::Unreadable(_) | ReplayError::Unfit(_) | ReplayError::Newer(_) => "interrupted",
            ReplayError::TooLarge(_) | ReplayError::Results(..) => "too_large",
        }
    }
}

/// A step that had begun before.
#[derive(Debug, Clone)]
pub enum Before {
    /// It was recorded as started and nobody knows how it ended.
    Started {
        /// The attempt that was interrupted.
        attempt: u32,
    },
    /// This attempt failed and the pause after it is over.
    Failed {
        /// The attempt that failed.
        attempt: u32,
    },
    /// It waits.
    Parked(Parked),
}

/// What ends a wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Until {
    /// The time that it may last.
    Time,
    /// Something outside, or the time that it may last: the database decides. Some until it is recorded.
    Outside(Option<Box<Wait>>),
}

/// A waiting step.
#[derive(Debug, Clone)]
pub struct Parked {
    /// What ends it.
    pub until: Until,
    /// When it goes on at the latest, by the monotonic clock.
    pub wake: Option<Instant>,
    /// What it was given.
    pub input: Arc<Value>,
    /// Of an attempt that failed: why. It does not complete then, its next attempt begins.
    pub error: Option<Arc<Value>>,
    /// What it gives when it goes on.
    pub output: Arc<Value>,
    /// Variables that it sets then.
    pub variables: Map<String, Value>,
    /// Noted on it.
    pub warnings: Vec<String>,
    /// Which attempt.
    pub attempt: u32,
    /// When it began, for people.
    pub started_at: chrono::DateTime<Utc>,
}

/// Where a walk goes on.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Steps that are due to run.
    pub begin: Vec<Begun>,
    /// What is known of them from before.
    pub before: HashMap<StepId, Before>,
}

/// A fold over records: the ended ones in their order of completion, then what is open.
pub struct Replay {
    now: Instant,
    open: HashMap<StepId, Begun>,
    before: HashMap<StepId, Before>,
}

impl Replay {
    /// Before the first record.
    pub fn new(first: Moves) -> Replay {
        let mut open = HashMap::new();
        take(&mut open, first);
        Replay {
            now: Instant::now(),
            open,
            before: HashMap::new(),
        }
    }

    /// Takes the next record in; the story may hold `max_held` bytes.
    pub fn take(
        &mut self,
        story: &mut Story,
        record: StoredStep,
        max_held: usize,
    ) -> Result<(), ReplayError> {
        if record.format > FORMAT {
            return Err(ReplayError::Newer(record.format));
        }
        let step = step_id(&record)?;
        match record.status.as_str() {
            "started" => {
                let attempt = count(record.attempt);
                self.before.insert(step, Before::Started { attempt });
            }
            "parked" => {
                self.before.insert(step, Before::Parked(parked(record, self.now)));
            }
            "cancelled" => {} // it waited, and its execution went another way
            _ => {
                let Some(begun) = self.open.remove(&step) else {
                    story.skip_ordinal(); // it lost against a cancellation that was recorded before it
                    return Ok(());
                };
                let moves = story.complete(&step, told(record, begun, story)?)?;
                take(&mut self.open, moves);
                if let Some((node, why)) = story.too_large() {
                    return Err(ReplayError::Results(node.clone(), why.clone()));
                }
                if story.end().is_none() && !story.fits_in(max_held) {
                    return Err(ReplayError::TooLarge(max_held));
                }
            }
        }
        Ok(())
    }

    /// What is open after the last record.
    pub fn resume(mut self, story: &Story) -> Resumed {
        let running = story.running().into_iter();
        Resumed {
            begin: running.filter_map(|step| self.open.remove(&step)).collect(),
            before: self.before,
        }
    }
}

fn take(open: &mut HashMap<StepId, Begun>, moves: Moves) {
    for step in moves.cancel {
        open.remove(&step);
    }
    open.extend(moves.begin.into_iter().map(|begun| (begun.step.clone(), begun)));
}

fn step_id(record: &StoredStep) -> Result<StepId, ReplayError> {
    let unreadable = || ReplayError::Unreadable(record.node_id.clone());
    Ok(StepId {
        node: record.node_id.as_str().into(),
        place: record.place.parse().map_err(|_| unreadable())?,
        run: u32::try_from(record.run).map_err(|_| unreadable())?,
    })
}

fn count(attempt: i32) -> u32 {
    u32::try_from(attempt).unwrap_or(1)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn parked(record: StoredStep, now: Instant) -> Parked {
    let wait = |ms: i64| now + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Parked {
        until: Until::Time, // where its node waits for something outside, the walk knows it
        wake: record.wake_in_ms.map(wait),
        input: Arc::new(record.input),
        error: record.error.map(Arc::new),
        output: Arc::new(record.output),
        variables: object(record.variables),
        warnings: serde_json::from_value(record.warnings).unwrap_or_default(),
        attempt: count(record.attempt),
        started_at: record.started_at.unwrap_or_else(Utc::now),
    }
}

fn told(record: StoredStep, begun: Begun, story: &Story) -> Result<Told, ReplayError> {
    let outcome: Outcome = serde_json::from_value(record.outcome)
        .map_err(|_| ReplayError::Unreadable(record.node_id.clone()))?;
    let is_trigger = story
        .plan()
        .node(&begun.step.node)
        .is_some_and(|node| node.kind.name.starts_with("trigger-"));
    let output = if is_trigger {
        story.trigger().clone()
    } else if record.output == *begun.input {
        begun.input.clone() // what only passes on is kept once
    } else {
        Arc::new(record.output)
    };
    let started_at = record.started_at.unwrap_or_else(Utc::now);
    Ok(Told {
        attempt: count(record.attempt),
        outcome,
        input: begun.input,
        output,
        error: record.error.map(Arc::new),
        variables: object(record.variables),
        warnings: serde_json::from_value(record.warnings).unwrap_or_default(),
        started_at,
        completed_at: record.completed_at.unwrap_or(started_at),
        duration_ms: record
            .duration_ms
            .and_then(|ms| u64::try_from(ms).ok())
            .unwrap_or(0),
    })
}
