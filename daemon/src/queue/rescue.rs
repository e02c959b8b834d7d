//! `automations.rescue`: takes back what daemons held when they died.

use super::{Queue, QueueError};

impl Queue {
    /// Makes lapsed leases pending again (or ends them, after three) and returns how many there were.
    pub async fn rescue(&self) -> Result<i32, QueueError> {
        self.calls.sweep_count("SELECT automations.rescue()", &[]).await
    }
}
