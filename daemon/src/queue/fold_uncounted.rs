//! `automations.fold_uncounted`: adds the statistics that somebody's lock was in the way of.

use super::{Queue, QueueError};

impl Queue {
    /// Adds what can be added now; whoever is still locked goes on waiting.
    pub async fn fold_uncounted(&self) -> Result<(), QueueError> {
        let folded = self.calls.sweep_count("SELECT automations.fold_uncounted()", &[]);
        folded.await.map(drop)
    }

    /// The same, behind what ended while others counted. What fails is made up for with what waits for somebody's lock
    /// (`upkeep.rs`).
    pub async fn count_what_waited(&self) {
        if let Err(error) = self.fold_uncounted().await {
            tracing::debug!(%error, "statistics that had to wait could not be added yet");
        }
    }
}
