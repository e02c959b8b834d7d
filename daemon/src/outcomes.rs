//! Waiting for the end of executions that somebody started and is still there to be told about: a tool call, a webhook
//! that answers with the result. Looking is the guarantee, notifications on `automation_execution` make it quick:
//! one LISTEN for all who wait, and only while anybody does, because every change of status comes through there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::queue::error::Verdict;
use crate::queue::{Outcome, Queue, QueueError};

/// The first look after the one at once, and the longest pause between two: without notifications a short execution
/// is still answered soon, and a thousand that take minutes cost a thousand look-ups by key a second.
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Everybody who waits. Cheap to clone.
#[derive(Clone)]
pub struct Outcomes {
    queue: Queue,
    waiting: Arc<Waiting>,
}

/// Who waits for which execution.
#[derive(Default)]
struct Waiting {
    by_execution: Mutex<HashMap<Uuid, (usize, Arc<Notify>)>>,
    how_many: watch::Sender<usize>,
}

/// One who waits; dropped, he waits no more.
struct Place {
    waiting: Arc<Waiting>,
    id: Uuid,
    told: Arc<Notify>,
}

/// What matters of a notification on `automation_execution`.
#[derive(Deserialize)]
struct Change {
    id: Uuid,
}

impl Outcomes {
    /// For the executions of this queue.
    pub fn new(queue: Queue) -> Outcomes {
        Outcomes {
            queue,
            waiting: Arc::default(),
        }
    }

    /// How the execution of this account ended; none when it has not `within` that time, or is not there (any more).
    /// Dropped, it only stops waiting.
    ///
    /// # Errors
    /// What the database refused, and what was still in its way when the time was up.
    pub async fn ended(
        &self,
        execution_id: Uuid,
        account_id: Uuid,
        within: Duration,
    ) -> Result<Option<Outcome>, QueueError> {
        let place = self.waiting.clone().enter(execution_id);
        let until = Instant::now() + within;
        let mut pause = FIRST_PAUSE;
        loop {
            let mut told = std::pin::pin!(place.told.notified());
            told.as_mut().enable(); // what is told while the answer is on its way counts
            let troubled = match self.queue.outcome(account_id, execution_id).await {
                Ok(Some(outcome)) if outcome.is_final() => return Ok(Some(outcome)),
                Ok(Some(_)) => None,
                Ok(None) => return Ok(None),
                Err(error) if error.verdict() == Verdict::Refused => return Err(error),
                Err(error) => Some(error), // a database that is away comes back
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return troubled.map_or(Ok(None), Err);
            }
            tokio::select! {
                () = told => {}
                () = tokio::time::sleep(pause.min(left)) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// A notification on `automation_execution`. Any role may send one: its id is a reason to look, nothing more.
    pub fn hear(&self, payload: &str) {
        if *self.waiting.how_many.borrow() == 0 {
            return;
        }
        if let Ok(change) = serde_json::from_str::<Change>(payload) {
            self.waiting.tell(change.id);
        }
    }

    /// Notifications may have been missed: everybody looks.
    pub fn look(&self) {
        for (_, told) in self.waiting.by_execution().values() {
            told.notify_waiters();
        }
    }

    /// Whether anybody waits.
    pub fn are_awaited(&self) -> bool {
        *self.waiting.how_many.borrow() > 0
    }

    /// Waits until somebody waits.
    pub async fn awaited(&self) {
        let mut changes = self.waiting.how_many.subscribe();
        // an error would mean that nobody is left who could wait; the sender is here
        let _ = changes.wait_for(|how_many| *how_many > 0).await;
    }
}

impl Waiting {
    fn by_execution(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, (usize, Arc<Notify>)>> {
        self.by_execution.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: Arc<Self>, id: Uuid) -> Place {
        let told = {
            let mut waiting = self.by_execution();
            let (count, told) = waiting.entry(id).or_default();
            *count += 1;
            told.clone()
        };
        self.how_many.send_modify(|how_many| *how_many += 1);
        Place {
            waiting: self,
            id,
            told,
        }
    }

    fn tell(&self, id: Uuid) {
        if let Some((_, told)) = self.by_execution().get(&id) {
            told.notify_waiters();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut waiting = self.waiting.by_execution();
            if let Some((count, _)) = waiting.get_mut(&self.id) {
                *count -= 1;
                if *count == 0 {
                    waiting.remove(&self.id);
                }
            }
        }
        self.waiting
            .how_many
            .send_modify(|how_many| *how_many = how_many.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(id: Uuid) -> String {
        format!(r#"{{"id": "{id}", "status": "completed", "automation_id": "{id}"}}"#)
    }

    #[tokio::test]
    async fn everybody_who_waits_for_an_execution_is_told_and_nobody_else() {
        let waiting = Arc::<Waiting>::default();
        let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
        let places = [mine, mine, other].map(|id| waiting.clone().enter(id));
        let mut told: Vec<_> = places
            .iter()
            .map(|place| Box::pin(place.told.notified()))
            .collect();
        for told in &mut told {
            told.as_mut().enable();
        }
        let change: Change = serde_json::from_str(&payload(mine)).unwrap();
        waiting.tell(change.id);
        let mut heard = Vec::new();
        for told in &mut told {
            heard.push(futures_util::poll!(told).is_ready());
        }
        assert_eq!(heard, [true, true, false]);
    }

    #[test]
    fn who_waits_no_more_leaves_nothing_behind() {
        let waiting = Arc::<Waiting>::default();
        let id = Uuid::now_v7();
        let first = waiting.clone().enter(id);
        let second = waiting.clone().enter(id);
        assert_eq!(*waiting.how_many.borrow(), 2);
        drop(first);
        assert_eq!(waiting.by_execution().len(), 1);
        drop(second);
        assert!(waiting.by_execution().is_empty());
        assert_eq!(*waiting.how_many.borrow(), 0);
    }
}
