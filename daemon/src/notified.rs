//! Notifications on `automation_trigger` that an application sends itself to start an execution (CONTRACT section 5), where
//! the operator switched that on. Best effort, as a notification is: what is sent while nobody listens is lost. Each daemon
//! hears it, and one of them starts it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::engine::clean;
use crate::queue::Queue;
use crate::queue::error::Verdict;
use crate::queue::start_notified::Notice;

/// Notifications that wait; each has 8,000 bytes at most.
const WAITING: usize = 4_096;
/// How often one is tried.
const TRIES: u32 = 5;

/// What a payload says.
#[derive(Deserialize)]
struct Payload {
    automation_id: Uuid,
    #[serde(default)]
    trigger_data: Option<Value>,
}

/// Takes payloads.
pub struct Notified {
    payloads: mpsc::Sender<String>,
}

impl Notified {
    /// Starts the task that starts executions; it ends when this is dropped and all that came is done.
    pub fn start(queue: Queue) -> (Notified, JoinHandle<()>) {
        let (payloads, waiting) = mpsc::channel(WAITING);
        (Notified { payloads }, tokio::spawn(serve(queue, waiting)))
    }

    /// One came. Never waits: whoever hears has more to hear.
    pub fn hear(&self, payload: &str) {
        if self.payloads.try_send(payload.to_owned()).is_err() {
            count("dropped");
            tracing::warn!("a payload on automation_trigger is dropped: too many wait");
        }
    }
}

async fn serve(queue: Queue, mut waiting: mpsc::Receiver<String>) {
    let daemon = Uuid::now_v7();
    let mut led = false;
    while let Some(payload) = waiting.recv().await {
        match serde_json::from_str::<Payload>(&payload) {
            Ok(payload) => led |= begin(&queue, daemon, payload).await,
            // any role may notify: what it says is not ours to repeat
            Err(error) => {
                count("refused");
                tracing::warn!(%error, "a payload on automation_trigger is not {{\"automation_id\", \"trigger_data\"}}");
            }
        }
    }
    if led && let Err(error) = queue.stop_leading(daemon).await {
        tracing::debug!(%error, "the lead over notifications lasts until its time is over");
    }
}

/// Starts one; whether this daemon leads.
async fn begin(queue: &Queue, daemon: Uuid, payload: Payload) -> bool {
    let mut trigger_data = payload.trigger_data.unwrap_or_else(|| json!({}));
    clean::without_nul(&mut trigger_data);
    let automation_id = payload.automation_id;
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    for attempt in 1..=TRIES {
        match queue.start_notified(daemon, automation_id, &trigger_data).await {
            Ok(Notice::Started(execution_id)) => {
                count("started");
                tracing::debug!(%execution_id, %automation_id, "started by a notification");
                return true;
            }
            Ok(Notice::NotOurs) => {
                count("not_ours");
                return false;
            }
            Err(error) if attempt < TRIES && matches!(error.verdict(), Verdict::Again) => {
                tracing::debug!(%error, "a notification cannot start anything yet");
                backoff.wait().await;
            }
            Err(error) => {
                count("refused");
                tracing::warn!(%error, %automation_id, "a payload on automation_trigger starts nothing");
                return false;
            }
        }
    }
    false
}

fn count(outcome: &'static str) {
    metrics::counter!("automationd_notified_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_names_an_automation_and_may_bring_data() {
        let read = |text: &str| serde_json::from_str::<Payload>(text);
        let id = Uuid::from_u128(7);
        let payload = read(&format!(
            r#"{{"automation_id": "{id}", "trigger_data": [1], "more": 2}}"#
        ))
        .unwrap();
        assert_eq!(
            (payload.automation_id, payload.trigger_data),
            (id, Some(json!([1])))
        );
        assert!(read(&format!(r#"{{"automation_id": "{id}"}}"#)).is_ok());
        for text in ["", "x", "{}", r#"{"automation_id": 7}"#, r#"["x"]"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
