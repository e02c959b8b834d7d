//! `automations.fold_uncounted`: adds the statistics that somebody's lock was in the way of.

use super::{Queue, QueueError};

impl Queue {
    /// Adds what can be added now; whoever is still locked goes on waiting.
    pub async fn fold_uncounted(&self) -> Result<(), QueueError> {
        let folded = self.calls.sweep_count("SELECT automations.fold_uncounted()", &[]);
        folded.await.map(drop)
    }
}
