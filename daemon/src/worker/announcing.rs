//! Telling listeners of `automation_execution` about changes of status, many in one transaction, after the change is
//! committed. A hint like every notification: what cannot be sent in time is dropped and counted.

use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::queue::Queue;

/// Notifications in one transaction.
const GROUP: usize = 500;
/// How many may wait. A notification is some 150 bytes.
const WAITING: usize = 10_000;

/// Takes changes. Cheap to clone; the task ends when the last one is dropped.
#[derive(Clone)]
pub struct Announcer {
    changes: mpsc::Sender<Value>,
}

impl Announcer {
    /// Starts the task.
    pub fn start(queue: Queue) -> (Announcer, tokio::task::JoinHandle<()>) {
        let (changes, waiting) = mpsc::channel(WAITING);
        (Announcer { changes }, tokio::spawn(serve(queue, waiting)))
    }

    /// An execution has this status now.
    pub fn announce(&self, id: Uuid, automation_id: Uuid, status: &str) {
        let change = json!({ "id": id, "automation_id": automation_id, "status": status });
        if self.changes.try_send(change).is_err() {
            metrics::counter!("automationd_announcements_dropped_total").increment(1);
        }
    }
}

async fn serve(queue: Queue, mut waiting: mpsc::Receiver<Value>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        if let Err(error) = queue.announce(&group).await {
            metrics::counter!("automationd_announcements_dropped_total").increment(group.len() as u64);
            tracing::debug!(%error, "changes of status were not announced");
        }
        group.clear();
    }
}
