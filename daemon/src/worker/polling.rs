//! A poll: one statement says whether this daemon may work and what there is to do; only what there is is done. It is
//! the guarantee behind every wake-up, so it is asked for whatever a notification may have been lost about.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Worker;
use crate::health::State;
use crate::queue::QueueError;

impl Worker {
    /// Looks at everything that began before `now`; true if the queue may hold something to claim.
    pub(super) async fn poll(&self, now: Instant) -> Result<bool, QueueError> {
        self.queue.close_unused();
        let proof = self.proof.wanted(now);
        let look = self.queue.look(proof.as_deref()).await?;
        if proof.is_some() && !look.readiness.in_recovery {
            self.proof.carried(now, Instant::now());
        }
        if let Some(work) = look.work {
            // before anybody hears that this daemon works
            self.put_aside.store(work.put_aside, Ordering::Relaxed);
        }
        let verdict = look.readiness.verdict();
        self.health.set(match &verdict {
            Ok(()) => State::Claiming,
            Err(why) => State::Waiting(why.to_string()),
        });
        let Some(work) = look.work.filter(|_| verdict.is_ok()) else {
            return Ok(false);
        };
        let mut queued = work.queued;
        if work.claimed && self.rescue().await? {
            queued = true;
        }
        self.wake.rings(now); // what it would have been for is known now
        match work.due_in {
            Some(Duration::ZERO) => {
                self.unpark().await?;
                self.fire().await?;
                queued = true;
            }
            Some(next) => self.wake.alarm(Instant::now() + next),
            None => {}
        }
        if work.emitted {
            self.delivery.ask();
        }
        Ok(queued)
    }

    async fn rescue(&self) -> Result<bool, QueueError> {
        let rescued = self.queue.rescue().await?;
        if rescued > 0 {
            metrics::counter!("automationd_leases_rescued_total").increment(rescued.unsigned_abs().into());
            tracing::warn!(rescued, "lapsed leases were taken back");
        }
        Ok(rescued > 0)
    }
}
