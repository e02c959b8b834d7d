//! Starting what is ready: what a step's node, its record and its earlier attempts ask for before it runs.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use flow::{OnInterrupted, Outcome};
use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable};

use super::act::{Act, error_json};
use super::names::StepNames;
use super::record;
use super::replay::{Before, Parked};
use super::story::{Begun, Told};
use super::taking::told;
use super::walk::{Halt, Walk};
use crate::gathering::{FEW, worth};
use crate::nodes::{Class, NodeError};
use crate::queue::record::Sure;
use crate::queue::tenant::MOST;

impl Walk<'_> {
    /// Starts what is ready; what acts outside only once its `started` record is written.
    pub(super) async fn start_ready(&mut self) -> Result<(), Halt> {
        let mut acting = Vec::new();
        let mut sure = Sure::Soon;
        let may_make_row = self.may_make_row(); // what is started here has not begun to act
        let mut later = Vec::new();
        while let Some(begun) = self.ready.pop_front() {
            if self.story.end().is_some() {
                return Ok(());
            }
            if self.unrecorded.is_full() && may_make_row {
                self.record().await?;
            }
            let plan = self.definition.clone();
            let Some(node) = plan.plan.node(&begun.step.node) else {
                return Err(Halt::failed(
                    "invalid_graph",
                    format!("there is no node {}", begun.step.node),
                ));
            };
            let class = plan.class(&node.id);
            let outside = class == Some(Class::External) && !self.execution.test_mode;
            if outside && !may_make_row {
                later.push(begun);
                continue;
            }
            let attempt = match self.before.remove(&begun.step) {
                _ if node.disabled => {
                    let output = begun.input.clone();
                    self.complete(&begun.step.clone(), told(begun.input, output, Outcome::Skipped))?;
                    continue;
                }
                Some(Before::Parked(parked)) => {
                    let until = self.until(class, &parked);
                    self.parked.insert(
                        begun.step,
                        Parked {
                            until,
                            // a delay passes its input on, which is kept once
                            output: if parked.output == begun.input {
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
                let who = self.who(&begun.step, node);
                if let Some(record) = record::started(who, attempt, Utc::now()) {
                    self.unrecorded.push_begun(begun.step.clone(), record);
                }
                if node.on_interrupted == OnInterrupted::Fail {
                    sure = Sure::OnDisk;
                }
                acting.push((begun, attempt));
            } else {
                // beside what is about to act it is not alone
                let may_share = class == Some(Class::Tenant) && acting.is_empty();
                let company = may_share.then(|| self.company()).flatten();
                self.start(begun, attempt, Duration::ZERO, company);
            }
        }
        self.ready.extend(later);
        if acting.is_empty() || self.story.end().is_some() {
            return Ok(());
        }
        // what goes with it is pure and would come to the same again; what the world has seen or waits for is not
        if self.unrecorded.precious().is_none() && self.parked.is_empty() {
            self.sure = sure;
        }
        if !self.keep().await? {
            self.record().await?;
        }
        // What completed here may have cancelled one of them.
        acting.retain(|(begun, _)| self.story.is_running(&begun.step));
        for (begun, attempt) in acting {
            self.start(begun, attempt, Duration::ZERO, None);
        }
        Ok(())
    }

    /// With how many others of its account a database node shares a transaction, if it does: where many run, and nothing
    /// else of this execution does or is about to, so that nobody waits in it for what waits for him.
    fn company(&self) -> Option<usize> {
        let is_alone = self.running.is_empty() && self.ready.is_empty() && self.parked.is_empty();
        let running = (self.together && is_alone).then(|| self.hold.beside_in_account())?;
        (running >= FEW && self.engine.queue.is_sharing(self.execution.account_id))
            .then(|| worth(running, MOST))
    }

    /// Starts a run after a pause. `company`: a database node shares a transaction with so many others.
    pub(super) fn start(&mut self, begun: Begun, attempt: u32, pause: Duration, company: Option<usize>) {
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
            company,
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
}
