//! What is claimed ahead of the slots: to set a claim up costs as much as thirty executions in it, and where executions
//! end within milliseconds more slots are free by the time that it is back than were when it left. So much is claimed
//! ahead as the slots have lately let go within a few milliseconds: nothing where executions take their time. What then
//! finds no slot after all does not wait for one here while another daemon may have some: it is handed back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Worker;
use super::claiming::BATCH;
use crate::leases::Hold;

/// As many are claimed ahead as end in this time.
const SOON: Duration = Duration::from_millis(10);

/// A slot is waited for so long.
const PATIENCE: Duration = Duration::from_millis(250);

/// Those that were claimed together run out of patience within this time.
const TOGETHER: Duration = Duration::from_millis(5);

/// Whoever allows so few executions at once means it.
const FEW: usize = 8;

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
            most: if slots < FEW { 0 } else { BATCH },
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
    pub(super) fn soon(&self, now: Instant) -> usize {
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
    /// The slot of what was claimed ahead. None: there is none, and it is handed back.
    pub(super) async fn slot_after_all(self: &Arc<Self>, slots: Arc<Semaphore>, hold: &Hold) -> Option<Slot> {
        if let Ok(Ok(permit)) = timeout(PATIENCE, slots.acquire_owned()).await {
            return Some(self.pace.slot(permit));
        }
        hold.give_up();
        if self.handed_back(hold.claim()) == 1 {
            let worker = self.clone();
            self.running.spawn(async move {
                tokio::time::sleep(TOGETHER).await; // those that were claimed with it go with it
                worker.hand_back().await;
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(pace.soon(Instant::now()), 0);
        drop(held);
        assert_eq!(slots.available_permits(), 3);
        assert_eq!((pace.soon(Instant::now()), pace.soon(Instant::now())), (3, 0));
    }
}
