//! `automations.release`: hands claims back when the daemon stops or has no slot for them; it does not count as a crash.

use super::{Claim, Queue, QueueError, columns};

impl Queue {
    /// Hands claims back and returns how many were still held.
    pub async fn release(&self, claims: &[Claim]) -> Result<i32, QueueError> {
        let (accounts, ids, tokens) = columns(claims);
        let row = self
            .calls
            .write_one(
                "SELECT automations.release($1, $2, $3)",
                &[&accounts, &ids, &tokens],
            )
            .await?;
        Ok(row.try_get(0)?)
    }
}
