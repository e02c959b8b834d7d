//! One claimed execution from the claim to the write that ends or parks it.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::Worker;
use super::ahead::Slot;
use super::claiming::Lane;
use super::finishing::Finished;
use crate::engine::ending::Ending;
use crate::engine::{Walked, walk};
use crate::gathering::FEW;
use crate::leases::Hold;
use crate::queue::claim::Claimed;

impl Worker {
    /// Walks it and writes what it came to. Given up when the daemon has no more time; the claim is handed back then. The
    /// slot is free again when the walk has ended and its result is with those that wait to be written. What was claimed
    /// ahead has none yet.
    pub(super) async fn perform(
        self: Arc<Self>,
        claimed: Claimed,
        hold: Hold,
        lane: Lane,
        slot: Option<Slot>,
    ) {
        let hold = Arc::new(hold);
        metrics::gauge!("automationd_executions_in_flight").increment(1.0);
        tokio::select! {
            biased;
            () = self.halt.cancelled() => {
                hold.give_up();
                self.handed_back(hold.claim());
            }
            () = async {
                let slot = match slot {
                    Some(slot) => Some(slot),
                    None => self.slot_after_all(lane, &hold).await,
                };
                if let Some(slot) = slot {
                    self.walk(claimed, &hold, lane, slot).await;
                }
            } => {}
        }
        metrics::gauge!("automationd_executions_in_flight").decrement(1.0);
    }

    async fn walk(&self, claimed: Claimed, hold: &Arc<Hold>, lane: Lane, slot: Slot) {
        let (id, automation_id) = (claimed.claim.id, claimed.automation_id);
        tracing::debug!(%automation_id, attempt = claimed.attempt, "claimed");
        let running = || self.announcer.announce(id, automation_id, "running");
        if claimed.has_execution {
            running();
        }
        match walk(self.engine.clone(), claimed, hold, &running).await {
            Walked::Ended(ending) => {
                let status = ending.status;
                let written = match self.finish(hold, *ending, lane, slot).await {
                    Finished::Written => Some(status),
                    Finished::Lost => {
                        tracing::info!("the lease is lost, or was let go; whoever claims it next ends it");
                        None
                    }
                    Finished::Refused { code, why } => {
                        tracing::error!(%why, "the result could not be stored");
                        let message = format!("the result could not be stored: {why}");
                        let ending = Ending::failed(code, message, None);
                        let status = ending.status;
                        let finished = self.finish(hold, ending, lane, ()).await;
                        matches!(finished, Finished::Written).then_some(status)
                    }
                };
                if let Some(status) = written {
                    self.written(id, automation_id, status);
                }
            }
            Walked::Written(status) => {
                tracing::debug!(status, "ended");
                self.written(id, automation_id, status);
            }
            Walked::Parked(wake_in) => {
                tracing::debug!(?wake_in, "parked");
                metrics::counter!("automationd_executions_parked_total").increment(1);
                self.announcer.announce(id, automation_id, "waiting");
                if let Some(wake_in) = wake_in {
                    self.wake.alarm(Instant::now() + wake_in);
                }
            }
            Walked::Lost => {
                tracing::info!("the lease is lost, or somebody has ended it; whoever holds it now goes on")
            }
        }
    }

    fn written(&self, id: Uuid, automation_id: Uuid, status: &'static str) {
        metrics::counter!("automationd_executions_finished_total", "status" => status).increment(1);
        self.announcer.announce(id, automation_id, status);
    }

    async fn finish<S>(&self, hold: &Arc<Hold>, ending: Ending, lane: Lane, slot: S) -> Finished {
        match &ending.error {
            Some((error, code)) => {
                let node_id = ending.node_id.as_deref().unwrap_or_default();
                tracing::info!(status = ending.status, code, node_id, error, "ended");
            }
            None => tracing::debug!(status = ending.status, "ended"),
        }
        let finisher = match lane {
            Lane::Ordinary if !hold.is_beside_a_flood(FEW) => &self.finisher,
            Lane::Ordinary | Lane::Kept => {
                self.finisher.give_way();
                &self.kept_finisher
            }
        };
        finisher.finish(hold, ending, slot).await
    }
}
