//! A walk: one claimed execution from its claim to its end, to being parked, or to the loss of its lease.
//!
//! The walk itself is the only one that changes the story. Runs of nodes are futures beside it; what they give is
//! taken in one at a time, so that the order of completion in memory and in the records is the same.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use flow::{OnInterrupted, Outcome, PositionError, StepId, Stop};
use futures_util::future::{AbortHandle, Abortable, Aborted, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::act::{Act, Acted, error_json};
use super::clean::{self, without_nul};
use super::ending::Ending;
use super::execution::Execution;
use super::insist::{Insisted, insist};
use super::names::{Rows, StepNames};
use super::record::{self, Who};
use super::replay::{Before, Parked, replay};
use super::story::{Begun, Moves, Story, Told};
use super::summary::nodes_executed;
use super::{Engine, commit};
use crate::definitions::Definition;
use crate::leases::Hold;
use crate::nodes::{Class, Done, NodeError, Park};
use crate::queue::claim::Claimed;

/// What became of a walk.
pub enum Walked {
    /// It has ended; the result is to be written.
    Ended(Box<Ending>),
    /// It only waits, and is a row; `None`: until it is resumed.
    Parked(Option<Duration>),
    /// The lease is lost: nothing was or will be written.
    Lost,
}

/// Why a walk stops before its story ends.
pub(super) enum Halt {
    /// The lease is lost.
    Lost,
    /// It cannot go on.
    Failed(Box<Ending>),
}

impl Halt {
    pub(super) fn failed(code: &'static str, message: String) -> Halt {
        Halt::Failed(Box::new(Ending::failed(code, message, None)))
    }
}

type Running = FuturesUnordered<BoxFuture<'static, Result<Acted, Aborted>>>;

/// One walk.
pub(super) struct Walk<'a> {
    pub(super) engine: Arc<Engine>,
    pub(super) execution: Arc<Execution>,
    definition: Arc<Definition>,
    pub(super) hold: &'a Hold,
    pub(super) story: Story,
    /// Begun and not looked at yet.
    ready: VecDeque<Begun>,
    /// Known from before the claim.
    before: HashMap<StepId, Before>,
    running: Running,
    aborts: HashMap<StepId, AbortHandle>,
    parked: HashMap<StepId, Parked>,
    /// Parked and not recorded as such yet.
    newly_parked: Vec<StepId>,
    rows: Arc<OnceCell<Arc<Rows>>>,
    /// Records that go with the next durable write.
    pub(super) unrecorded: Vec<Value>,
    /// Among them is what the world has seen: to be written before anything is waited for.
    precious: bool,
}

/// Walks a claimed execution.
pub async fn walk(engine: Arc<Engine>, claimed: Claimed, hold: &Hold) -> Walked {
    let result = match Walk::begin(engine, claimed, hold).await {
        Ok(walk) => walk.go().await,
        Err(halt) => Err(halt),
    };
    match result {
        Ok(walked) => walked,
        Err(Halt::Lost) => Walked::Lost,
        Err(Halt::Failed(ending)) => Walked::Ended(ending),
    }
}

impl<'a> Walk<'a> {
    /// Definition, trigger data and, for one that is taken up again, what is recorded of it.
    async fn begin(engine: Arc<Engine>, claimed: Claimed, hold: &'a Hold) -> Result<Walk<'a>, Halt> {
        let get = || {
            engine
                .definitions
                .get(claimed.automation_id, claimed.version, &claimed.trigger_type)
        };
        let definition = match insist(hold, get).await {
            Insisted::Answer(Ok(definition)) => definition,
            Insisted::Answer(Err(invalid)) => {
                let node = invalid.node_id.as_deref().map(Arc::from);
                return Err(Halt::Failed(Box::new(Ending::failed(
                    "invalid_graph",
                    invalid.message,
                    node,
                ))));
            }
            Insisted::Refused(error) => return Err(Halt::failed("invalid_graph", error.to_string())),
            Insisted::Lost => return Err(Halt::Lost),
        };
        let text = claimed.trigger_data.as_deref().unwrap_or("null");
        let trigger: Arc<Value> = match serde_json::from_str(text) {
            Ok(trigger) => Arc::new(trigger),
            Err(error) => {
                let message = format!("the trigger data cannot be read: {error}");
                return Err(Halt::failed("too_large", message));
            }
        };
        let execution = Arc::new(Execution::new(&claimed, definition.agent_id, trigger.clone()));
        let budget = engine.services.limits.max_steps;
        let (mut story, moves) = Story::start(definition.plan.clone(), trigger, budget);
        let (mut ready, mut before) = (moves.begin, HashMap::new());
        if claimed.has_steps {
            let stored = match insist(hold, || engine.queue.execution_steps(execution.id)).await {
                Insisted::Answer(stored) => stored,
                Insisted::Refused(error) => return Err(Halt::failed("interrupted", error.to_string())),
                Insisted::Lost => return Err(Halt::Lost),
            };
            let first = Moves {
                begin: ready,
                cancel: Vec::new(),
            };
            let resumed = replay(&mut story, first, stored)
                .map_err(|error| Halt::failed("interrupted", error.to_string()))?;
            (ready, before) = (resumed.begin, resumed.before);
        }
        Ok(Walk {
            engine,
            execution,
            definition,
            hold,
            story,
            ready: ready.into(),
            before,
            running: FuturesUnordered::new(),
            aborts: HashMap::new(),
            parked: HashMap::new(),
            newly_parked: Vec::new(),
            rows: Arc::default(),
            unrecorded: Vec::new(),
            precious: false,
        })
    }

    async fn go(mut self) -> Result<Walked, Halt> {
        loop {
            self.start_ready().await?;
            if let Some(end) = self.story.end() {
                let steps = std::mem::take(&mut self.unrecorded);
                let ending = Ending::of(&self.story, end, &self.engine.services.limits, steps);
                return Ok(Walked::Ended(Box::new(ending)));
            }
            if self.wake_due() {
                continue;
            }
            if self.running.is_empty() {
                return self.park().await;
            }
            // what is ready at once is taken before anything is written for the sake of waiting
            match self.running.next().now_or_never().flatten() {
                Some(ended) => self.take(ended).await?,
                None => self.wait().await?,
            }
            tokio::task::consume_budget().await;
            if self.hold.is_lost() {
                return Err(Halt::Lost);
            }
        }
    }

    /// Starts what is ready; what acts outside only once its `started` record is written.
    async fn start_ready(&mut self) -> Result<(), Halt> {
        let mut acting = Vec::new();
        while let Some(begun) = self.ready.pop_front() {
            if self.story.end().is_some() {
                return Ok(());
            }
            let plan = self.definition.clone();
            let Some(node) = plan.plan.node(&begun.step.node) else {
                return Err(Halt::failed(
                    "invalid_graph",
                    format!("there is no node {}", begun.step.node),
                ));
            };
            let class = plan
                .nodes
                .get(&node.id)
                .and_then(|prepared| prepared.kind)
                .map(|kind| kind.class());
            let outside = class == Some(Class::External) && !self.execution.test_mode;
            let attempt = match self.before.remove(&begun.step) {
                _ if node.disabled => {
                    let output = begun.input.clone();
                    self.complete(&begun.step.clone(), told(begun.input, output, Outcome::Skipped))?;
                    continue;
                }
                Some(Before::Parked(parked)) => {
                    self.parked.insert(
                        begun.step,
                        Parked {
                            input: begun.input,
                            ..parked
                        },
                    );
                    continue;
                }
                Some(Before::Started { attempt })
                    if outside && node.on_interrupted == OnInterrupted::Fail =>
                {
                    let message = "its daemon died while it acted; whether it did is not known";
                    let error = Arc::new(error_json(&NodeError::new("interrupted", message)));
                    let told = told(begun.input, error.clone(), Outcome::Failed);
                    self.complete(
                        &begun.step,
                        Told {
                            error: Some(error),
                            attempt,
                            ..told
                        },
                    )?;
                    continue;
                }
                Some(Before::Started { attempt }) => attempt.saturating_add(1),
                None => 1,
            };
            if outside {
                let who = Who {
                    execution: self.execution.id,
                    step: &begun.step,
                    node,
                };
                self.unrecorded.push(record::started(who, attempt, Utc::now()));
                acting.push((begun, attempt));
            } else {
                self.start(begun, attempt);
            }
        }
        if acting.is_empty() || self.story.end().is_some() {
            return Ok(());
        }
        self.record().await?;
        for (begun, attempt) in acting {
            self.start(begun, attempt);
        }
        Ok(())
    }

    pub(super) fn start(&mut self, begun: Begun, attempt: u32) {
        let Some(prepared) = self.definition.nodes.get(&begun.step.node) else {
            return;
        };
        let Begun { step, input } = begun;
        let names = StepNames::new(
            &self.execution,
            &self.story,
            &step,
            input.clone(),
            &prepared.mentions,
        );
        let act = Act {
            engine: self.engine.clone(),
            execution: self.execution.clone(),
            definition: self.definition.clone(),
            step: step.clone(),
            input,
            names,
            rows: self.rows.clone(),
            attempt,
        };
        let (handle, registration) = AbortHandle::new_pair();
        self.aborts.insert(step, handle);
        self.running.push(Abortable::new(act.go(), registration).boxed());
    }

    /// Writes what must not be lost, then waits for a run, a wake-up or the loss of the lease.
    async fn wait(&mut self) -> Result<(), Halt> {
        if self.precious {
            self.record().await?;
        }
        let wake = self.next_wake().map(tokio::time::Instant::from_std);
        let ended = tokio::select! {
            biased;
            () = self.hold.lost() => return Err(Halt::Lost),
            ended = self.running.next() => ended,
            () = tokio::time::sleep_until(wake.unwrap_or_else(tokio::time::Instant::now)), if wake.is_some() => None,
        };
        match ended {
            Some(ended) => self.take(ended).await,
            None => Ok(()),
        }
    }

    /// Takes in what a run gave.
    async fn take(&mut self, ended: Result<Acted, Aborted>) -> Result<(), Halt> {
        let Ok(mut acted) = ended else { return Ok(()) }; // cancelled
        if self.aborts.remove(&acted.step).is_none() {
            return Ok(());
        }
        let definition = self.definition.clone();
        let Some(node) = definition.plan.node(&acted.step.node) else {
            return Ok(());
        };
        let class = definition
            .nodes
            .get(&node.id)
            .and_then(|prepared| prepared.kind)
            .map(|kind| kind.class());
        let park = acted.result.as_mut().ok().and_then(|done| done.park.take());
        if let Some(park) = park {
            self.wait_in_database(acted, park);
            return Ok(());
        }
        let transaction = acted.transaction.take();
        let (step, told) = self.tell(acted, node.output_variable.as_deref());
        let transaction = transaction.filter(|_| told.outcome != Outcome::Failed);
        match transaction {
            Some(transaction) => match commit::commit(self, &step, &told, transaction).await? {
                commit::Committed::Yes => self.completed(&step, told)?,
                commit::Committed::Again => {
                    let (input, attempt) = (told.input.clone(), told.attempt);
                    self.start(Begun { step, input }, attempt);
                    return Ok(());
                }
            },
            None => {
                self.precious |= class == Some(Class::External) && !self.execution.test_mode;
                self.complete(&step, told)?;
            }
        }
        if matches!(class, Some(Class::External | Class::Tenant)) {
            self.rows = Arc::default(); // they may have changed
        }
        Ok(())
    }

    /// The step waits. What it gives in the end is what it gave now.
    fn wait_in_database(&mut self, acted: Acted, park: Park) {
        let wake = park.wake_in.map(|wait| Instant::now() + wait);
        let (step, told) = self.tell(acted, None);
        let Told {
            input,
            output,
            attempt,
            started_at,
            ..
        } = told;
        self.newly_parked.push(step.clone());
        self.parked.insert(
            step,
            Parked {
                wake,
                input,
                output,
                attempt,
                started_at,
            },
        );
        self.precious = true;
    }

    /// What a run came to, in the words of the story: limits, cleaning, variables.
    fn tell(&self, acted: Acted, variable: Option<&str>) -> (StepId, Told) {
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
                told.output = Arc::new(output);
                told.outcome = outcome;
                told.variables = variables;
                told.warnings.append(&mut warnings);
                if let Some(name) = variable {
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

    fn checked(&self, mut done: Done, input: &Value, is_trigger: bool) -> Result<Done, NodeError> {
        let nul = without_nul(&mut done.output) | clean::object_without_nul(&mut done.variables);
        if nul {
            done.warnings
                .push("U+0000 cannot be stored and became U+FFFD".to_owned());
        }
        // trigger data has a limit of its own, also where a node passes it on
        if let Err(error) = self.fitting(&done.output)
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

    fn fitting(&self, value: &Value) -> Result<(), NodeError> {
        let fits = clean::fits(value, self.engine.services.limits.max_output);
        fits.map_err(|error| NodeError::new("too_large", error.to_string()))
    }

    /// A step has ended and its record goes with the next durable write.
    fn complete(&mut self, step: &StepId, told: Told) -> Result<(), Halt> {
        self.unrecorded.extend(self.row(step, &told));
        self.completed(step, told)
    }

    /// The record of an ended step.
    pub(super) fn row(&self, step: &StepId, told: &Told) -> Option<Value> {
        let node = self.definition.plan.node(&step.node)?;
        let who = Who {
            execution: self.execution.id,
            step,
            node,
        };
        Some(record::ended(who, self.story.next_ordinal(), told))
    }

    /// A step has ended and its record is taken care of.
    fn completed(&mut self, step: &StepId, told: Told) -> Result<(), Halt> {
        self.count(step, &told);
        let moves = self.story.complete(step, told).map_err(|error| match error {
            PositionError::Unfit { .. } => Halt::failed("node_failed", format!("internal error: {error}")),
            other => Halt::failed("interrupted", format!("internal error: {other}")),
        })?;
        for step in moves.cancel {
            self.parked.remove(&step);
            self.newly_parked.retain(|parked| *parked != step);
            self.ready.retain(|begun| begun.step != step);
            if let Some(handle) = self.aborts.remove(&step) {
                handle.abort();
            }
        }
        self.ready.extend(moves.begin);
        Ok(())
    }

    fn count(&self, step: &StepId, told: &Told) {
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

    fn next_wake(&self) -> Option<Instant> {
        self.parked.values().filter_map(|parked| parked.wake).min()
    }

    /// Completes the waiting steps whose time has come, the earliest first.
    fn wake_due(&mut self) -> bool {
        let now = Instant::now();
        let due = self
            .parked
            .iter()
            .filter(|(_, parked)| parked.wake.is_some_and(|wake| wake <= now));
        let Some(step) = due
            .min_by_key(|(step, parked)| (parked.wake, *step))
            .map(|(step, _)| step.clone())
        else {
            return false;
        };
        let Some(parked) = self.parked.remove(&step) else {
            return false;
        };
        self.newly_parked.retain(|newly| *newly != step);
        let took = Utc::now() - parked.started_at;
        let told = Told {
            attempt: parked.attempt,
            started_at: parked.started_at,
            duration_ms: u64::try_from(took.num_milliseconds()).unwrap_or(0),
            ..told(parked.input, parked.output, Outcome::Default)
        };
        // what cannot be completed here cannot be completed anywhere; the walk ends by having nothing left to do
        self.complete(&step, told).is_ok()
    }

    /// Nothing runs: what is left waits in the database.
    async fn park(mut self) -> Result<Walked, Halt> {
        if self.parked.is_empty() {
            return Err(Halt::failed(
                "node_failed",
                "internal error: nothing runs and nothing waits".to_owned(),
            ));
        }
        let wake_in = self
            .next_wake()
            .map(|wake| wake.saturating_duration_since(Instant::now()));
        self.record_parked();
        let steps = Value::Array(std::mem::take(&mut self.unrecorded));
        let executed = nodes_executed(&self.story, &self.engine.services.limits);
        let variables = Value::Object(self.story.variables().clone());
        let claim = self.hold.claim();
        match insist(self.hold, || {
            self.engine
                .queue
                .park(claim, wake_in, &steps, &executed, &variables)
        })
        .await
        {
            Insisted::Answer(true) => Ok(Walked::Parked(wake_in)),
            Insisted::Answer(false) | Insisted::Lost => Err(Halt::Lost),
            Insisted::Refused(error) => Err(Halt::failed("node_failed", error.to_string())),
        }
    }

    fn record_parked(&mut self) {
        for step in std::mem::take(&mut self.newly_parked) {
            let (Some(parked), Some(node)) = (self.parked.get(&step), self.definition.plan.node(&step.node))
            else {
                continue;
            };
            let left = parked
                .wake
                .map(|wake| wake.saturating_duration_since(Instant::now()));
            let wake_in_ms = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            let who = Who {
                execution: self.execution.id,
                step: &step,
                node,
            };
            let row = record::parked(who, parked.attempt, parked.started_at, wake_in_ms, &parked.output);
            self.unrecorded.push(row);
        }
    }

    /// Writes what is not written yet.
    pub(super) async fn record(&mut self) -> Result<(), Halt> {
        self.record_parked();
        let steps = Value::Array(std::mem::take(&mut self.unrecorded));
        self.precious = false;
        let claim = self.hold.claim();
        match insist(self.hold, || self.engine.queue.record(claim, &steps)).await {
            Insisted::Answer(true) => Ok(()),
            Insisted::Answer(false) | Insisted::Lost => Err(Halt::Lost),
            Insisted::Refused(error) => Err(Halt::failed("node_failed", error.to_string())),
        }
    }
}

/// A step that took no time.
fn told(input: Arc<Value>, output: Arc<Value>, outcome: Outcome) -> Told {
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
