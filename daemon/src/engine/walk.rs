//! A walk: one claimed execution from its claim to its end, to being parked, or to the loss of its lease.
//!
//! The walk itself is the only one that changes the story. Runs of nodes are futures beside it; what they give is
//! taken in one at a time, so that the order of completion in memory and in the records is the same.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use flow::{OnInterrupted, Outcome, StepId};
use futures_util::future::{AbortHandle, Abortable, Aborted, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Engine;
use super::act::{Act, Acted, error_json};
use super::commit::Tries;
use super::ending::Ending;
use super::execution::Execution;
use super::insist::{Insisted, insist};
use super::names::{Rows, StepNames};
use super::record::{self, Unrecorded, Who};
use super::replay::{Before, Parked};
use super::story::{Begun, Story, Told};
use super::taking::told;
use super::taking_up::take_up;
use crate::definitions::Definition;
use crate::leases::Hold;
use crate::nodes::{Class, NodeError};
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
    pub(super) definition: Arc<Definition>,
    pub(super) hold: &'a Hold,
    pub(super) story: Story,
    /// Begun and not looked at yet.
    pub(super) ready: VecDeque<Begun>,
    /// Known from before the claim.
    pub(super) before: HashMap<StepId, Before>,
    pub(super) running: Running,
    pub(super) aborts: HashMap<StepId, AbortHandle>,
    pub(super) parked: HashMap<StepId, Parked>,
    /// Parked and not recorded as such yet.
    pub(super) newly_parked: Vec<StepId>,
    pub(super) rows: Arc<OnceCell<Arc<Rows>>>,
    /// Of database nodes that are not committed yet.
    pub(super) tries: HashMap<StepId, Tries>,
    /// Records that go with the next durable write.
    pub(super) unrecorded: Unrecorded,
    /// Among them is what the world has seen: to be written before anything is waited for.
    pub(super) precious: bool,
}

/// Walks a claimed execution.
pub async fn walk(engine: Arc<Engine>, claimed: Claimed, hold: &Hold) -> Walked {
    let result = match Walk::begin(engine, claimed, hold).await {
        Ok(mut walk) => match walk.go().await {
            Err(Halt::Failed(ending)) => {
                let steps = walk.unrecorded.take();
                Err(Halt::Failed(Box::new(ending.with(&walk.story, steps))))
            }
            other => other,
        },
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
        let (story, ready, before) =
            take_up(&engine, &execution, &definition, hold, claimed.has_steps).await?;
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
            tries: HashMap::new(),
            unrecorded: Unrecorded::default(),
            precious: false,
        })
    }

    async fn go(&mut self) -> Result<Walked, Halt> {
        loop {
            self.start_ready().await?;
            if self.unrecorded.is_full() {
                self.record().await?;
            }
            if let Some(end) = self.story.end() {
                let ending = Ending::of(
                    &self.story,
                    end,
                    &self.engine.services.limits,
                    self.unrecorded.take(),
                );
                return Ok(Walked::Ended(Box::new(ending)));
            }
            if self.wake_due()? {
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
            if self.unrecorded.is_full() {
                self.record().await?;
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
                            // a delay passes its input on, which is kept once
                            output: if *parked.output == *begun.input {
                                begun.input.clone()
                            } else {
                                parked.output
                            },
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
                Some(Before::Started { attempt } | Before::Failed { attempt }) => attempt.saturating_add(1),
                None => 1,
            };
            if outside {
                let who = Who {
                    execution: self.execution.id,
                    step: &begun.step,
                    node,
                };
                if let Some(record) = record::started(who, attempt, Utc::now()) {
                    self.unrecorded.push(record);
                }
                acting.push((begun, attempt));
            } else {
                self.start(begun, attempt, Duration::ZERO);
            }
        }
        if acting.is_empty() || self.story.end().is_some() {
            return Ok(());
        }
        self.record().await?;
        for (begun, attempt) in acting {
            self.start(begun, attempt, Duration::ZERO);
        }
        Ok(())
    }

    /// Starts a run after a pause.
    pub(super) fn start(&mut self, begun: Begun, attempt: u32, pause: Duration) {
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
        let run = async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            act.go().await
        };
        self.running.push(Abortable::new(run, registration).boxed());
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

    /// Writes what is not written yet.
    pub(super) async fn record(&mut self) -> Result<(), Halt> {
        self.record_parked();
        let steps = self.unrecorded.take();
        self.precious = false;
        let claim = self.hold.claim();
        match insist(self.hold, || self.engine.queue.record(claim, &steps)).await {
            Insisted::Answer(true) => Ok(()),
            Insisted::Answer(false) | Insisted::Lost => Err(Halt::Lost),
            Insisted::Refused(error) => Err(Halt::failed(error.refusal(), error.to_string())),
        }
    }
}
