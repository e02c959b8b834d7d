//! A step that fails is tried again as its `retry` says: as a row between attempts, under one idempotency key.

use std::sync::atomic::{AtomicUsize, Ordering};

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, Database, Execution, Graph, Receiver};
use serde_json::json;

/// Runs a request that is answered with 500 so many times before it is answered with 200.
async fn tried(failures: usize, attempts: u32) -> (Execution, Receiver) {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let asked = AtomicUsize::new(0);
    let receiver = Receiver::answering(move |_| {
        Reply::status(if asked.fetch_add(1, Ordering::SeqCst) < failures {
            500
        } else {
            200
        })
    })
    .await;
    let graph = Graph::from("trigger-manual")
        .node_with(
            "send",
            "action-http",
            json!({
                "config": {"method": "POST", "url": receiver.url("/act")},
                "retry": {"maxAttempts": attempts, "backoff": "fixed", "initialMs": 50},
            }),
        )
        .set("after", "status", json!("{{ nodes['send'].output.status }}"))
        .chain(&["start", "send", "after"]);
    let automation = account.manual(&database, "tried again", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await;
    assert_eq!(database.count("SELECT count(*) FROM automations.parked").await, 0);
    (execution, receiver)
}

fn keys(receiver: &Receiver) -> Vec<String> {
    let requests = receiver.requests();
    let mut keys: Vec<String> = requests
        .iter()
        .filter_map(|request| request.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), requests.len(), "a request without a key");
    keys.dedup();
    keys
}

#[tokio::test]
async fn a_request_that_fails_twice_succeeds_at_the_third_attempt_under_the_same_key() {
    let (execution, receiver) = tried(2, 3).await;
    let execution = execution.completed();
    assert_eq!(execution.variables["status"], 200);
    assert_eq!(execution.node("send")["attempt"], 3);
    assert_eq!(receiver.requests().len(), 3);
    assert_eq!(keys(&receiver).len(), 1);
}

#[tokio::test]
async fn when_no_attempt_is_left_the_execution_fails() {
    let (execution, receiver) = tried(9, 2).await;
    let execution = execution.failed("node_failed");
    assert_eq!(execution.error_node.as_deref(), Some("send"));
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(keys(&receiver).len(), 1);
}
