//! Cancelling what runs, waits or is queued: nothing of it goes on anywhere, and nothing is recorded afterwards.

use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::json;
use uuid::Uuid;

async fn cancel(database: &Database, id: Uuid) -> bool {
    database.value("SELECT automations.cancel($1)", &[&id]).await
}

#[tokio::test]
async fn the_receiver_of_a_request_sees_its_connection_close_and_nothing_follows() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node(
            "send",
            "action-http",
            json!({"url": receiver.url("/act"), "timeout": 120_000}),
        )
        .node("after", "action-http", json!({"url": receiver.url("/after")}))
        .chain(&["start", "send", "after"]);
    let automation = account.manual(&database, "held", &graph).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    let id = database.start(automation, json!({})).await;
    receiver.have(1).await;

    assert!(cancel(&database, id).await);
    receiver.sees_given_up(1).await;

    assert!(!cancel(&database, id).await, "the second time");
    let cancelled = database.execution(id).await.unwrap();
    assert_eq!(cancelled.status, "cancelled");
    assert_eq!(cancelled.path(), ["start:success", "send:failed"]);
    receiver.let_go();
    daemon.stop().await;
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(database.execution(id).await.unwrap().path(), cancelled.path());
}

#[tokio::test]
async fn concurrent_items_of_a_loop_are_all_given_up() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node(
            "each",
            "logic-loop",
            json!({"arrayExpression": "{{ [1, 2, 3, 4, 5] }}", "concurrency": 3}),
        )
        .node(
            "send",
            "action-http",
            json!({"url": receiver.url("/{{ item }}"), "timeout": 120_000}),
        )
        .edge("start", "each")
        .edge_from("each", "loop", "send");
    let automation = account.manual(&database, "items", &graph).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    let id = database.start(automation, json!({})).await;
    receiver.have(3).await;

    assert!(cancel(&database, id).await);

    receiver.sees_given_up(3).await;
    receiver.let_go();
    daemon.stop().await;
    assert_eq!(receiver.requests().len(), 3, "no further item begins");
}

#[tokio::test]
async fn what_waits_never_wakes_and_what_is_queued_never_runs() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let send = json!({"url": receiver.url("/act")});
    let later = Graph::from("trigger-manual")
        .node("pause", "logic-delay", json!({"duration": 1, "unit": "seconds"}))
        .node("send", "action-http", send.clone())
        .chain(&["start", "pause", "send"]);
    let at_once = Graph::from("trigger-event")
        .node("send", "action-http", send)
        .edge("start", "send");
    let later = account.manual(&database, "later", &later).await;
    let at_once = account.on_new_lead(&database, "at once", &at_once).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    let parked = database.start(later, json!({})).await;
    database.becomes(parked, "waiting").await;
    assert!(cancel(&database, parked).await);
    daemon.stop().await;

    let pending = database.start(later, json!({})).await;
    account.lead(&database, "Ada").await;
    let queued: Uuid = database
        .value(
            "SELECT id FROM automations.queue WHERE automation_id = $1",
            &[&at_once],
        )
        .await;
    for id in [pending, queued] {
        assert!(cancel(&database, id).await);
        assert!(!cancel(&database, id).await);
    }
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    let last = database.start(later, json!({})).await;
    database.ended(last).await.completed();

    assert_eq!(
        receiver.requests().len(),
        1,
        "only the one that was not cancelled"
    );
    assert!(!cancel(&database, last).await, "it has ended");
    for id in [parked, pending, queued] {
        assert_eq!(database.execution(id).await.unwrap().status, "cancelled");
    }
    daemon.stop().await;
}
