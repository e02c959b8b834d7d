//! Bringing emitted events to those who wait for them, beside the claim loop: one tenant's event may have thousands of
//! waits to be compared with, and nobody else's executions wait for that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::backoff::Backoff;
use crate::queue::Queue;
use crate::wake::Wake;

/// The least time between two looks that are asked for by every wake-up: an event waits that long under load, and a
/// quiet system's not at all.
const BETWEEN: Duration = Duration::from_millis(50);

/// Asks for a delivery; many asks before it begins are one. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Delivery(Arc<Notify>);

impl Delivery {
    /// There may be events.
    pub(super) fn ask(&self) {
        self.0.notify_one();
    }

    /// Delivers whenever it is asked to, until nothing is left. Runs for ever: abort the task to stop it.
    pub(super) async fn serve(self, queue: Queue, wake: Wake) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        loop {
            self.0.notified().await;
            loop {
                match queue.deliver_events().await {
                    Ok(0) => break,
                    Ok(_) => wake.call(), // whom an event wakes is in the queue
                    Err(error) => {
                        tracing::warn!(%error, "events could not be delivered");
                        backoff.wait().await;
                        self.ask();
                        break;
                    }
                }
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
}
