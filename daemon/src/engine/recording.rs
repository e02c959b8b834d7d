//! When what has happened is written, by whom, and that the execution can be seen from then on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::StepId;

use super::insist::{Insisted, insist};
use super::walk::{Halt, Walk};
use crate::gathering::FEW;
use crate::nodes::Class;
use crate::queue::record::Sure;

/// How long an execution that acts outside and is only known to the queue is not shown to people: most are over by then.
pub(super) const SHOWN_WHILE_ACTING: Duration = Duration::from_millis(100);

impl Walk<'_> {
    /// Whether the commit of what runs is to take the records along.
    pub(super) fn is_carried(&self, until: Instant) -> bool {
        !self.execution.test_mode
            && Instant::now() < until
            && !self.aborts.is_empty()
            && self.aborts.keys().all(|step| self.is_tenant(step))
    }

    /// Writes what is not written yet.
    pub(super) async fn record(&mut self) -> Result<(), Halt> {
        self.record_parked();
        let steps = Arc::new(self.unrecorded.take());
        let sure = std::mem::take(&mut self.sure);
        let claim = self.hold.claim();
        let group = self.engine.groups.records(sure);
        let written = self.goes_with_others()
            && tokio::select! {
                biased;
                () = self.hold.lost() => return Err(Halt::Lost),
                written = group.write(claim, steps.clone()) => written,
            };
        if written {
            self.is_shown();
            return Ok(());
        }
        match insist(self.hold, || self.engine.queue.record(claim, &steps, sure)).await {
            Insisted::Answer(true) => {
                self.is_shown();
                Ok(())
            }
            Insisted::Answer(false) | Insisted::Lost => Err(Halt::Lost),
            Insisted::Refused(error) => Err(Halt::failed(error.refusal(), error.to_string())),
        }
    }

    /// Whether what is written now is worth waiting for others'.
    pub(super) fn goes_with_others(&self) -> bool {
        self.hold.beside() >= FEW && !self.hold.is_beside_a_flood(FEW)
    }

    /// Writes what is not written yet if that goes at once; what is under way goes on meanwhile, and its commit may be what
    /// makes the row.
    pub(super) async fn try_to_record(&mut self) -> Result<(), Halt> {
        self.record_parked();
        let claim = self.hold.claim();
        let record = self
            .engine
            .queue
            .record(claim, self.unrecorded.rows(), Sure::OnDisk);
        let written = tokio::select! {
            biased;
            () = self.hold.lost() => return Err(Halt::Lost),
            written = Box::pin(record) => written,
        };
        match written {
            Ok(true) => {
                self.unrecorded.take();
                self.is_shown();
            }
            Ok(false) => return Err(Halt::Lost),
            Err(error) => {
                tracing::debug!(%error, "not shown yet");
                self.show_at = Some(Instant::now() + SHOWN_WHILE_ACTING);
            }
        }
        Ok(())
    }

    pub(super) fn is_to_be_shown(&self) -> bool {
        self.show_at.is_some_and(|at| at <= Instant::now()) && self.story.end().is_none()
    }

    /// To make the row takes a lock on the lead, which a database node of this execution that is under way may hold. Nobody
    /// polls it while a record is insisted on, so both would wait for ever.
    pub(super) fn may_make_row(&self) -> bool {
        self.show_at.is_none() || !self.aborts.keys().any(|step| self.is_tenant(step))
    }

    fn is_tenant(&self, step: &StepId) -> bool {
        self.definition.class(&step.node) == Some(Class::Tenant)
    }

    /// A record is written, and with the first one the row of the execution.
    pub(super) fn is_shown(&mut self) {
        if self.show_at.take().is_some() {
            (self.shown)();
        }
    }
}
