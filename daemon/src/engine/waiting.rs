//! Waiting for something outside: that somebody resumes a step, an event, the end of another execution. What came, and
//! whether it came in time, the database decides alone; a walk that still has other things to do asks it when there is
//! a hint, when a time-out is over by its own clock, and now and then, because a hint may be lost.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::Utc;
use flow::StepId;
use serde_json::{Value, json};

use super::act::Acted;
use super::clean;
use super::insist::{Insisted, insist};
use super::record;
use super::replay::{Before, Parked, Until};
use super::retrying;
use super::walk::{Halt, Walk};
use crate::nodes::outside::{Came, Child, How, Wait};
use crate::nodes::{Class, Done, NodeError, Park};
use crate::queue::start_child::Started;
use crate::queue::waited::Arrived;

/// How long until the database is asked again about a time-out that is over here and not there: clocks differ a
/// little over a wait of days.
const SOON: Duration = Duration::from_millis(20);

/// The codes that an execution may be refused with.
const REFUSALS: [&str; 3] = ["denied", "loop_depth", "too_large"];

impl Walk<'_> {
    /// What ends the wait of a step that was parked before.
    pub(super) fn until(&mut self, class: Option<Class>, parked: &Parked) -> Until {
        // one with an error waits for its next attempt
        if class == Some(Class::Waits) && parked.error.is_none() {
            self.look = true;
            return Until::Outside(None);
        }
        Until::Time
    }

    /// Whether the database is to be asked before anything else.
    pub(super) fn is_to_look(&self) -> bool {
        if !self.parked.values().any(is_outside) {
            return false;
        }
        self.look || self.next_look().is_some_and(|at| at <= Instant::now())
    }

    /// When it is to be asked at the latest; none while nothing is waited for outside.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let mut outside = self
            .parked
            .values()
            .filter(|parked| is_outside(parked))
            .peekable();
        outside.peek()?;
        let wake = outside.filter_map(|parked| parked.wake).min();
        let poll = self.looked + self.engine.poll_interval;
        Some(wake.map_or(poll, |wake| wake.min(poll)))
    }

    /// The steps that wait for something outside, those that began first leading.
    pub(super) fn outside(&self) -> Vec<(&StepId, &Parked)> {
        let mut outside: Vec<_> = self
            .parked
            .iter()
            .filter(|(_, parked)| is_outside(parked))
            .collect();
        outside.sort_by_key(|(step, parked)| (parked.started_at, *step));
        outside
    }

    /// Asks the database what has come, and goes on with that.
    pub(super) async fn look_outside(&mut self) -> Result<(), Halt> {
        self.look = false;
        let claim = self.hold.claim();
        let arrived = match insist(self.hold, || self.engine.queue.waited(claim)).await {
            Insisted::Answer(arrived) => arrived,
            Insisted::Refused(error) => return Err(Halt::failed(error.refusal(), error.to_string())),
            Insisted::Lost => return Err(Halt::Lost),
        };
        self.looked = Instant::now();
        for one in arrived {
            // what is not waited for (any more, or yet) is passed over; each may cancel the next
            let waits = self.parked.iter().find(|(step, parked)| {
                is_outside(parked) && step.idempotency_key(self.execution.id) == one.step_key
            });
            if let Some(step) = waits.map(|(step, _)| step.clone()) {
                self.arrive(&step, one)?;
                // each may have a megabyte to be read, and a hundred came at once: others have their turn in between
                tokio::task::yield_now().await;
            }
            if self.story.end().is_some() {
                return Ok(());
            }
        }
        let (now, soon) = (Instant::now(), Instant::now() + SOON);
        for parked in self.parked.values_mut().filter(|parked| is_outside(parked)) {
            parked.wake = parked.wake.map(|wake| if wake <= now { soon } else { wake });
        }
        Ok(())
    }

    /// What a step waited for has come.
    fn arrive(&mut self, step: &StepId, arrived: Arrived) -> Result<(), Halt> {
        let definition = self.definition.clone();
        let kind = definition
            .nodes
            .get(&step.node)
            .and_then(|prepared| prepared.kind);
        let (Some(kind), Some(parked)) = (kind, self.parked.remove(step)) else {
            return Ok(());
        };
        self.newly_parked.retain(|newly| newly != step);
        self.rows = Default::default(); // they may have changed meanwhile
        let acted = Acted {
            step: step.clone(),
            input: parked.input,
            attempt: parked.attempt,
            started_at: parked.started_at,
            took: (Utc::now() - parked.started_at).to_std().unwrap_or_default(),
            result: came(arrived).and_then(|came| kind.arrived(came)),
            warnings: parked.warnings,
            message: None,
            transaction: None,
        };
        self.settle(acted)
    }

    /// A step has its result after all; one that failed may be tried again.
    fn settle(&mut self, acted: Acted) -> Result<(), Halt> {
        let definition = self.definition.clone();
        let Some(node) = definition.plan.node(&acted.step.node) else {
            return Ok(());
        };
        let (step, told) = self.tell(acted, node.output_variable.as_deref());
        match retrying::pause(node, &told, Utc::now()) {
            Some(pause) => self.wait_to_try_again(node, step, told, pause),
            None => self.complete(&step, told)?,
        }
        Ok(())
    }

    /// Starts the execution that a step asks for. What it may not start fails the step.
    pub(super) async fn begin_child(&mut self, acted: Acted, mut child: Child) -> Result<(), Halt> {
        clean::without_nul(&mut child.input);
        let (claim, attempt) = (self.hold.claim(), acted.attempt);
        let key = acted.step.idempotency_key(self.execution.id);
        let queue = &self.engine.queue;
        let started = match insist(self.hold, || queue.start_child(claim, key, attempt, &child)).await {
            Insisted::Answer(Started::Child(id)) => Ok(id),
            Insisted::Answer(Started::Refused { why, code }) => Err(refused(why, &code)),
            Insisted::Answer(Started::Lost) | Insisted::Lost => return Err(Halt::Lost),
            Insisted::Refused(error) => Err(NodeError::new(error.refusal(), error.to_string())),
        };
        let output = |id| Done::with(json!({ "executionId": id }));
        match started {
            Ok(id) if child.wait => {
                let result = Ok(output(id));
                let (step, told) = self.tell(Acted { result, ..acted }, None);
                let park = Park {
                    wake_in: None,
                    wait: Some(Wait::Child { child_id: id }),
                };
                self.wait_in_database(step, told, park);
                Ok(())
            }
            started => self.settle(Acted {
                result: started.map(output),
                ..acted
            }),
        }
    }

    /// A step that waited is not wanted any more: whoever resumes it is told so, and what it started is cancelled.
    pub(super) fn waits_no_more(&mut self, step: &StepId, parked: &Parked) {
        if is_outside(parked) && self.story.end().is_none() {
            self.cancel_wait(step, parked.attempt);
        }
    }

    /// The same for those that a daemon could not say so of before it died.
    pub(super) fn forget_cancelled(&mut self) {
        let wanted: HashSet<&StepId> = self.ready.iter().map(|begun| &begun.step).collect();
        let waits = |step: &StepId| {
            let prepared = self.definition.nodes.get(&step.node);
            prepared.and_then(|prepared| Some(prepared.kind?.class())) == Some(Class::Waits)
        };
        let forgotten: Vec<(StepId, u32)> = self
            .before
            .iter()
            .filter_map(|(step, before)| match before {
                Before::Parked(parked) => Some((step, parked.attempt)),
                _ => None,
            })
            .filter(|(step, _)| !wanted.contains(step) && waits(step))
            .map(|(step, attempt)| (step.clone(), attempt))
            .collect();
        for (step, attempt) in forgotten {
            self.cancel_wait(&step, attempt);
        }
    }

    fn cancel_wait(&mut self, step: &StepId, attempt: u32) {
        let Some(node) = self.definition.plan.node(&step.node) else {
            return;
        };
        if let Some(record) = record::cancelled(self.who(step, node), attempt) {
            self.unrecorded.push(record);
            self.unrecorded.write_by(Instant::now());
        }
    }
}

/// True where the database decides when the wait is over.
fn is_outside(parked: &Parked) -> bool {
    matches!(parked.until, Until::Outside(_))
}

/// What came, read.
fn came(arrived: Arrived) -> Result<Came, NodeError> {
    let unreadable = |why: String| NodeError::failed(format!("what came cannot be read: {why}"));
    let how = How::parse(&arrived.came).ok_or_else(|| unreadable(arrived.came.clone()))?;
    let payload = match arrived.payload.as_deref() {
        Some(text) => serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?,
        None => Value::Null,
    };
    Ok(Came {
        how,
        outcome: arrived.outcome,
        payload,
    })
}

/// Why an execution may not be started, as the step's error.
fn refused(why: String, code: &str) -> NodeError {
    let known = REFUSALS.into_iter().find(|known| *known == code);
    NodeError::new(known.unwrap_or("node_failed"), why)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn arrived(how: &str, payload: Option<&str>) -> Arrived {
        Arrived {
            step_key: Uuid::nil(),
            came: how.to_owned(),
            outcome: None,
            payload: payload.map(str::to_owned),
        }
    }

    #[test]
    fn what_came_is_read_or_fails_the_step_and_nothing_else() {
        let event = came(arrived("event", Some(r#"{"a": 1}"#))).unwrap();
        assert_eq!((event.how, event.payload), (How::Event, json!({"a": 1})));
        let late = came(arrived("timeout", None)).unwrap();
        assert_eq!((late.how, late.payload), (How::Timeout, Value::Null));
        let deep = "[".repeat(500) + &"]".repeat(500);
        for wrong in [arrived("godot", None), arrived("resumed", Some(&deep))] {
            assert_eq!(came(wrong).unwrap_err().code, "node_failed");
        }
    }

    #[test]
    fn a_refusal_keeps_its_code_where_a_step_may_have_it() {
        assert_eq!(refused("no".to_owned(), "denied").code, "denied");
        assert_eq!(refused("no".to_owned(), "loop_depth").code, "loop_depth");
        assert_eq!(refused("no".to_owned(), "made up").code, "node_failed");
    }
}
