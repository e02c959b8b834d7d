//! What is claimed ahead of the slots: to set a claim up costs as much as some fifty executions in it, and where executions
//! end within milliseconds more slots are free by the time that it is back than were when it left. So much is claimed
//! ahead as the slots have lately let go within a few milliseconds: nothing where executions take their time. What then
//! finds no slot after all does not wait for one here while another daemon may have some: it is handed back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Worker;
use super::claiming::{BATCH, Lane};
use crate::backoff::Backoff;
use crate::gathering::FEW;
use crate::leases::Hold;

/// As many are claimed ahead as end in this time.
const SOON: Duration = Duration::from_millis(10);

/// A slot is waited for so long.
const PATIENCE: Duration = Duration::from_millis(250);

/// Those that were claimed together run out of patience within this time.
const TOGETHER: Duration = Duration::from_millis(5);

/// What is handed back may be locked for a moment, by a heartbeat that is on its way for example. What was not found so
/// often is gone.
const LOOKS: u32 = 3;

/// How fast slots become free.
pub(super) struct Pace {
    most: usize,
    freed: Arc<AtomicU64>,
    seen: Mutex<(Instant, u64)>,
}

/// One execution in flight, until it is dropped.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    freed: Arc<AtomicU64>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.freed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Pace {
    /// Of so many slots; nothing has been seen.
    pub(super) fn new(slots: usize) -> Pace {
        Pace {
            most: if slots < FEW { 0 } else { BATCH }, // whoever allows so few at once means it
            freed: Arc::default(),
            seen: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Something runs with this permit.
    pub(super) fn slot(&self, permit: OwnedSemaphorePermit) -> Slot {
        Slot {
            _permit: permit,
            freed: self.freed.clone(),
        }
    }

    /// How many slots will soon be free, if they become so as they have since this was last asked.
    pub(super) fn soon(&self) -> usize {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = *seen;
        let freed = self.freed.load(Ordering::Relaxed);
        *seen = (now, freed);
        within(freed - before, now.duration_since(since)).min(self.most)
    }
}

/// How many of so many slots that became free in `time` did so in a part of it that is `SOON` long.
fn within(freed: u64, time: Duration) -> usize {
    let soon = u128::from(freed) * SOON.as_micros() / time.max(SOON).as_micros();
    usize::try_from(soon).unwrap_or(usize::MAX)
}

impl Worker {
    /// The slot of what was claimed ahead; for one of few beside a flood also one that is kept for such. None: there is
    /// none, and it is handed back.
    pub(super) async fn slot_after_all(self: &Arc<Self>, lane: Lane, hold: &Hold) -> Option<Slot> {
        let slots = self.slots_of(lane).clone();
        let is_newcomer = hold.is_beside_a_flood(FEW);
        let permit = timeout(PATIENCE, async {
            tokio::select! {
                biased;
                permit = self.kept.clone().acquire_owned(), if is_newcomer => permit,
                permit = slots.acquire_owned() => permit,
            }
        });
        if let Ok(Ok(permit)) = permit.await {
            return Some(self.pace.slot(permit));
        }
        hold.give_up();
        let mut without = self.without_slot.lock().unwrap_or_else(PoisonError::into_inner);
        without.push(hold.claim());
        if without.len() == 1 {
            self.running.spawn(self.clone().do_without());
        }
        None
    }

    /// Hands back what has waited in vain, at most until the leases are over.
    async fn do_without(self: Arc<Self>) {
        tokio::time::sleep(TOGETHER).await; // those that were claimed with the first go with it
        let claims = std::mem::take(&mut *self.without_slot.lock().unwrap_or_else(PoisonError::into_inner));
        let until = Instant::now() + self.leases.length();
        let mut pauses = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let (mut left, mut looks) = (claims.len(), 0);
        while left > 0 && looks < LOOKS && Instant::now() < until {
            match self.queue.release(&claims).await {
                Ok(released) => {
                    let released = usize::try_from(released).unwrap_or_default();
                    left = left.saturating_sub(released);
                    looks = if released == 0 { looks + 1 } else { 0 };
                    tracing::debug!(released, left, "no slot for what was claimed ahead: handed back");
                }
                Err(error) => tracing::warn!(%error, "what was claimed ahead could not be handed back"),
            }
            if left > 0 {
                pauses.wait().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn as_many_are_soon_free_as_lately_were_in_ten_milliseconds() {
        let ms = Duration::from_millis;
        assert_eq!(within(0, ms(0)), 0);
        assert_eq!(within(50, ms(5)), 50); // no more than were seen
        assert_eq!(within(100, ms(20)), 50);
        assert_eq!(within(13, Duration::from_secs(1)), 0); // executions of some seconds each
    }

    #[tokio::test]
    async fn a_slot_that_is_let_go_counts_once() {
        let (pace, slots) = (Pace::new(FEW), Arc::new(Semaphore::new(3)));
        let held: Vec<_> = (0..3)
            .map(|_| pace.slot(slots.clone().try_acquire_owned().unwrap()))
            .collect();
        assert_eq!(pace.soon(), 0);
        drop(held);
        assert_eq!(slots.available_permits(), 3);
        assert_eq!((pace.soon(), pace.soon()), (3, 0));
    }
}
