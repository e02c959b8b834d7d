//! Counts calls in memory and adds them to the database every few seconds: an UPDATE for each would make the row of a
//! busy webhook the bottleneck. What a daemon that dies had counted since is lost; executions are not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::queue::Queue;

/// Between two times at which it is written.
const EVERY: Duration = Duration::from_secs(2);

/// What was counted and is not written yet.
#[derive(Default)]
pub struct Counted {
    calls: Mutex<HashMap<Uuid, (i64, Instant)>>,
}

impl Counted {
    /// One call of a webhook, now.
    pub fn count(&self, automation_id: Uuid) {
        self.add(automation_id, 1, Instant::now());
    }

    /// Writes every few seconds, for ever.
    pub async fn keep_writing(&self, queue: &Queue) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.write(queue).await;
        }
    }

    /// Writes what there is; what could not be written is kept.
    pub async fn write(&self, queue: &Queue) {
        let counted = std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        if counted.is_empty() {
            return;
        }
        let ago = |at: &Instant| i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let ids: Vec<Uuid> = counted.keys().copied().collect();
        let calls: Vec<i64> = counted.values().map(|(calls, _)| *calls).collect();
        let ago: Vec<i64> = counted.values().map(|(_, at)| ago(at)).collect();
        if let Err(error) = queue.count_webhook_calls(&ids, &calls, &ago).await {
            tracing::debug!(%error, "calls of webhooks could not be counted yet");
            for (id, (calls, at)) in counted {
                self.add(id, calls, at);
            }
        }
    }

    fn add(&self, automation_id: Uuid, more: i64, at: Instant) {
        let mut counted = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, last) = counted.entry(automation_id).or_insert((0, at));
        *calls += more;
        *last = at.max(*last);
    }
}
