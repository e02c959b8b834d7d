//! Taking in what runs gave, one at a time: limits, cleaning, the commit of a database node, what follows from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use flow::{Node, OnInterrupted, Outcome, PositionError, StepId, Stop};
use futures_util::future::Aborted;
use serde_json::{Map, Value};

use super::act::{Acted, error_json};
use super::clean::{self, TooLarge, without_nul};
use super::commit::{Committed, commit, commit_with_end};
use super::ending::Ending;
use super::record::{self, Record, Who};
use super::retrying;
use super::story::{Begun, Told};
use super::walk::{Halt, Walk};
use crate::gathering::FEW;
use crate::nodes::{Class, Done, NodeError};

/// How long the record of what has acted outside may wait for the commit of a database node that runs behind it, which
/// takes it along. A daemon that dies meanwhile has the node act again, with the same key (DESIGN D8), as one that dies
/// before the answer of the call arrives.
const CARRIED: Duration = Duration::from_millis(100);

impl Walk<'_> {
    /// Takes in what a run gave. What few of them come to is in boxes, as all that talks to the database (`insist`).
    pub(super) async fn take(&mut self, ended: Result<Box<Acted>, Aborted>) -> Result<(), Halt> {
        let Ok(mut acted) = ended else { return Ok(()) }; // cancelled
        if self.aborts.remove(&acted.step).is_none() {
            return Ok(());
        }
        let definition = self.definition.clone();
        let Some(node) = definition.plan.node(&acted.step.node) else {
            return Ok(());
        };
        let class = definition.class(&node.id);
        if let Some(child) = acted.result.as_mut().ok().and_then(|done| done.child.take()) {
            return Box::pin(self.begin_child(*acted, child)).await;
        }
        let park = acted.result.as_mut().ok().and_then(|done| done.park.take());
        let transaction = acted.transaction.take();
        let (step, told) = self.tell(*acted, node.output_variable.as_deref());
        if let Some(park) = park.filter(|_| told.outcome != Outcome::Failed) {
            self.wait_in_database(step, told, park);
            return Ok(());
        }
        if let Some(pause) = retrying::pause(node, &told, Utc::now()) {
            self.wait_to_try_again(node, step, told, pause);
            return Ok(());
        }
        let transaction = transaction.filter(|_| told.outcome != Outcome::Failed);
        match transaction {
            Some(transaction) if self.ends_with(&step, &told, transaction.is_shared()) => {
                return Err(Box::pin(commit_with_end(self, &step, told, transaction)).await);
            }
            Some(transaction) => match Box::pin(commit(self, &step, &told, transaction)).await? {
                Committed::Yes => {
                    self.tries.remove(&step);
                    self.completed(&step, told)?;
                }
                Committed::Again(why) => return self.run_again(step, told, &why),
            },
            None => {
                if class == Some(Class::External) && !self.execution.test_mode {
                    let carried = match node.on_interrupted {
                        OnInterrupted::Retry => CARRIED,
                        OnInterrupted::Fail => Duration::ZERO,
                    };
                    self.unrecorded.write_by(Instant::now() + carried);
                }
                self.complete(&step, told)?;
            }
        }
        if matches!(class, Some(Class::External | Class::Tenant)) {
            self.rows = Arc::default(); // they may have changed
        }
        Ok(())
    }

    /// Whether the result is to be written with this step: nothing else is going on, and it is quicker. Where many
    /// executions run, results go together, which costs less than the commit that is saved, unless that is shared too.
    fn ends_with(&self, step: &StepId, told: &Told, is_shared: bool) -> bool {
        self.together
            && self.running.is_empty()
            && self.ready.is_empty()
            && self.parked.is_empty()
            && (is_shared || self.hold.beside() < FEW)
            && self.story.would_end(step, &told.outcome)
    }

    /// Neither effect nor record of a database node are there: it runs again after a pause, and fails in the end.
    fn run_again(&mut self, step: StepId, told: Told, why: &str) -> Result<(), Halt> {
        let Some(pause) = self.tries.entry(step.clone()).or_default().next() else {
            self.tries.remove(&step);
            let message = format!("its record could not be committed: {why}");
            let error = Arc::new(error_json(&NodeError::failed(message)));
            let failed = Told {
                outcome: Outcome::Failed,
                output: error.clone(),
                error: Some(error),
                variables: Map::new(),
                ..told
            };
            return self.complete(&step, failed);
        };
        let (input, attempt) = (told.input, told.attempt);
        self.start(Begun { step, input }, attempt, pause, None);
        Ok(())
    }

    /// What a run came to, in the words of the story: limits, cleaning, variables.
    pub(super) fn tell(&self, acted: Acted, variable: Option<&str>) -> (StepId, Told) {
        let mut told = Told {
            attempt: acted.attempt,
            started_at: acted.started_at,
            duration_ms: u64::try_from(acted.took.as_millis()).unwrap_or(u64::MAX),
            warnings: acted.warnings,
            ..told(acted.input, Arc::default(), Outcome::Failed)
        };
        let is_trigger = self.story.plan().start().id == acted.step.node;
        match acted
            .result
            .and_then(|done| self.checked(done, &told.input, is_trigger))
        {
            Ok(Done {
                output,
                outcome,
                variables,
                mut warnings,
                ..
            }) => {
                // what only passes on is kept once
                told.output = if output == told.input {
                    told.input.clone()
                } else {
                    output
                };
                told.outcome = outcome;
                told.variables = variables;
                told.warnings.append(&mut warnings);
                // of a loop it is the results that become the variable
                if let Some(name) = variable.filter(|_| !matches!(told.outcome, Outcome::Items(_))) {
                    told.variables.insert(name.to_owned(), (*told.output).clone());
                }
            }
            Err(error) => {
                let error = Arc::new(error_json(&error));
                told.output = error.clone();
                told.error = Some(error);
            }
        }
        if told.outcome == Outcome::Stopped(Stop::Failure) {
            let message = acted.message.unwrap_or_else(|| "stopped with failure".to_owned());
            told.error = Some(Arc::new(error_json(&NodeError::failed(message))));
        }
        (acted.step, told)
    }

    pub(super) fn checked(
        &self,
        mut done: Done,
        input: &Arc<Value>,
        is_trigger: bool,
    ) -> Result<Done, NodeError> {
        // what others hold too has been looked at
        let is_new = Arc::get_mut(&mut done.output);
        let nul = is_new.is_some_and(without_nul) | clean::object_without_nul(&mut done.variables);
        if nul {
            done.warnings
                .push("U+0000 cannot be stored and became U+FFFD".to_owned());
        }
        // trigger data has a limit of its own, also where a node passes it on
        if !Arc::ptr_eq(&done.output, input)
            && let Err(error) = self.fitting(&done.output)
            && !is_trigger
            && done.output != *input
        {
            return Err(error);
        }
        done.variables
            .values()
            .try_for_each(|value| self.fitting(value))?;
        Ok(done)
    }

    pub(super) fn fitting(&self, value: &Value) -> Result<(), NodeError> {
        let fits = clean::fits(value, self.engine.services.limits.max_output);
        fits.map_err(|error| NodeError::new("too_large", error.to_string()))
    }

    /// A step has ended and its record goes with the next durable write.
    pub(super) fn complete(&mut self, step: &StepId, told: Told) -> Result<(), Halt> {
        let (row, beside) = self.row_and_beside(step, &told).unzip();
        let place = row.map(|row| self.unrecorded.push_ended(step, row));
        let line = self.completed(step, told)?;
        if let (Some(_), Some(place), Some(beside)) = (line, place, beside.flatten()) {
            self.unrecorded.put_beside(place, beside);
        }
        Ok(())
    }

    /// Who a step is, for its record.
    pub(super) fn who<'a>(&self, step: &'a StepId, node: &'a Node) -> Who<'a> {
        Who {
            key: step.idempotency_key(self.execution.id),
            step,
            node,
            began_after: self.story.began_after(step),
        }
    }

    /// The record of an ended step.
    pub(super) fn row(&self, step: &StepId, told: &Told) -> Option<Record> {
        let who = self.who(step, self.definition.plan.node(&step.node)?);
        record::ended(who, self.story.next_ordinal(), told)
    }

    /// The same, and what it is beside `nodes_executed`, if nothing of it is cut there.
    pub(super) fn row_and_beside(&self, step: &StepId, told: &Told) -> Option<(Record, Option<Record>)> {
        let who = self.who(step, self.definition.plan.node(&step.node)?);
        let ordinal = self.story.next_ordinal();
        let line = self.story.summary().next_line();
        let beside = line.and_then(|line| record::beside(who, ordinal, line, told));
        Some((record::ended(who, ordinal, told)?, beside))
    }

    /// A step has ended and its record is taken care of. The line of `nodes_executed` that shows it, if nothing of it is
    /// cut.
    pub(super) fn completed(&mut self, step: &StepId, told: Told) -> Result<Option<usize>, Halt> {
        self.count(step, &told);
        let moves = self.story.complete(step, told).map_err(|error| match error {
            PositionError::Unfit { .. } => Halt::failed("node_failed", format!("internal error: {error}")),
            other => Halt::failed("interrupted", format!("internal error: {other}")),
        })?;
        if let Some((node, why)) = self.story.too_large() {
            let ending = Ending::failed("too_large", results_too_large(node, why), Some(node.clone()));
            return Err(Halt::Failed(Box::new(ending)));
        }
        let most = self.engine.services.limits.max_held;
        if self.story.end().is_none() && !self.story.fits_in(most) {
            let ending = Ending::failed("too_large", holds_too_much(most), Some(step.node.clone()));
            return Err(Halt::Failed(Box::new(ending)));
        }
        for step in moves.cancel {
            if let Some(parked) = self.parked.remove(&step) {
                self.waits_no_more(&step, &parked);
            }
            self.newly_parked.retain(|parked| *parked != step);
            self.ready.retain(|begun| begun.step != step);
            if let Some(handle) = self.aborts.remove(&step) {
                handle.abort();
            }
        }
        self.ready.extend(moves.begin);
        Ok(moves.line)
    }

    pub(super) fn count(&self, step: &StepId, told: &Told) {
        let kind = self
            .definition
            .plan
            .node(&step.node)
            .map_or("", |node| node.kind.name);
        let status = if told.outcome == Outcome::Failed {
            "failed"
        } else {
            "completed"
        };
        metrics::counter!("automationd_steps_total", "node_type" => kind, "status" => status).increment(1);
        let seconds = Duration::from_millis(told.duration_ms).as_secs_f64();
        metrics::histogram!("automationd_step_seconds", "node_type" => kind).record(seconds);
        tracing::debug!(node_id = %step.node, node_type = kind, status, duration_ms = told.duration_ms, "step");
    }
}

/// Why an execution whose outputs and variables need more memory than it may have ends with `too_large`.
pub(super) fn holds_too_much(most: usize) -> String {
    format!("the outputs and variables that this execution holds are larger than {most} bytes together")
}

/// Why an execution ends whose loop has results that cannot be stored.
pub(super) fn results_too_large(node: &str, why: &TooLarge) -> String {
    match why {
        TooLarge::Bytes(most) => {
            format!("the results of the loop {node} are larger than {most} bytes together")
        }
        TooLarge::Depth => format!("the results of the loop {node}: {why}"),
    }
}

/// A step that took no time.
pub(super) fn told(input: Arc<Value>, output: Arc<Value>, outcome: Outcome) -> Told {
    let now = Utc::now();
    Told {
        attempt: 1,
        outcome,
        input,
        output,
        error: None,
        variables: Map::new(),
        warnings: Vec::new(),
        started_at: now,
        completed_at: now,
        duration_ms: 0,
    }
}
