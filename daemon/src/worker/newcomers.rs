//! The lane for newcomers: slots that one account's flood does not take. While the claim loop is busy or all of its slots
//! are taken, what an account queues of which nothing runs here is claimed beside it, runs in one of these slots and is
//! ended in a group of its own. So a single execution waits neither for the flood's claims nor for a slot nor for the
//! flood's results to be written.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Worker;
use super::claiming::{BATCH, Lane};
use crate::health::State;
use crate::queue::QueueError;
use crate::stop::Stop;

/// Of so many slots one is kept for newcomers.
const ONE_IN: usize = 8;

/// A claim loop that began to look so shortly before a wake-up takes care of it by itself.
const JUST_BEGUN: Duration = Duration::from_millis(3);

/// The least time between two looks for newcomers.
const BETWEEN: Duration = Duration::from_millis(5);

/// How many of the slots are kept.
pub(super) fn kept(slots: usize) -> usize {
    slots / ONE_IN
}

/// Since when the claim loop has been busy; none while it sleeps.
#[derive(Default)]
pub(super) struct Busy(Mutex<Option<Instant>>);

impl Busy {
    /// It looks, or waits for a slot.
    pub(super) fn begin(&self) {
        self.lock().get_or_insert_with(Instant::now);
    }

    /// It has found nothing more.
    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    /// Whether it was busy already when somebody called.
    fn before(&self, called: Instant) -> bool {
        self.lock().is_some_and(|since| since + JUST_BEGUN < called)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// Claims newcomers until asked to stop. An error is the claim loop's to deal with: it meets the same.
    pub(super) async fn claim_newcomers_until(self: Arc<Self>, stop: Stop) {
        loop {
            tokio::select! {
                () = stop.asked() => return,
                () = self.wake.called_beside() => {}
            }
            // without a free slot the claim loop takes care of nothing: what it claimed ahead may have taken them all
            let is_in_hand = !self.busy.before(Instant::now()) && self.slots.available_permits() > 0;
            if is_in_hand || self.health.status().state != State::Claiming {
                continue;
            }
            if let Err(error) = self.claim_newcomers().await {
                tracing::debug!(%error, "newcomers wait for the claim loop");
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn claim_newcomers(self: &Arc<Self>) -> Result<(), QueueError> {
        let free = self.kept.available_permits().min(BATCH);
        if free > 0 {
            self.claim(free, Lane::Kept).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_came_with_the_look_is_the_claim_loops_own() {
        let (busy, now) = (Busy::default(), Instant::now());
        assert!(!busy.before(now));
        busy.begin();
        assert!(!busy.before(now));
        assert!(busy.before(now + Duration::from_secs(1)));
        busy.end();
        assert!(!busy.before(now + Duration::from_secs(1)));
    }

    #[test]
    fn a_daemon_with_few_slots_keeps_none() {
        assert_eq!((kept(1), kept(7), kept(8), kept(64)), (0, 0, 1, 8));
    }
}
