//! `automations.count_webhook_calls`: adds what was counted here to the counters of webhooks.

use uuid::Uuid;

use super::{Queue, QueueError};

impl Queue {
    /// Adds `calls[i]` to the counter of `webhooks[i]`, the last of which was `ago_ms[i]` milliseconds ago.
    pub async fn count_webhook_calls(
        &self,
        webhooks: &[Uuid],
        calls: &[i64],
        ago_ms: &[i64],
    ) -> Result<(), QueueError> {
        self.calls
            .write(
                "SELECT automations.count_webhook_calls($1, $2, $3)",
                &[&webhooks, &calls, &ago_ms],
            )
            .await
            .map(drop)
    }
}
