//! `options.timeout_seconds`: from the occurrence of an execution to its end, in whatever state it is.

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Execution, Graph, Receiver};
use serde_json::{Value, json};
use uuid::Uuid;

/// An automation whose executions may take so many seconds.
async fn limited(database: &Database, account: &Account, graph: &Graph, seconds: f64) -> Uuid {
    let automation = account.manual(database, "limited", graph).await;
    let options = json!({"timeout_seconds": seconds});
    let query = "UPDATE public.automations SET options = $2 WHERE id = $1 RETURNING id";
    database
        .value(query, &[&automation, &tokio_postgres::types::Json(options)])
        .await
}

/// Long enough for a loaded machine to come to the node that is waited for.
const SECONDS: f64 = 4.0;

/// How a graph ends that may take so long.
async fn in_time(graph: &Graph, input: Value, options: DaemonOptions) -> Execution {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = limited(&database, &account, graph, SECONDS).await;
    let _daemon = Daemon::start_with(&database, options).await;
    let id = database.start(automation, input).await;
    let execution = database.ended(id).await.failed("timeout");
    assert_eq!(execution.error.as_deref(), Some("did not end within 4 s"));
    let left = "SELECT (SELECT count(*) FROM automations.parked) + (SELECT count(*) FROM automations.queue)";
    assert_eq!(database.count(left).await, 0);
    execution
}

fn reaching(receiver: &Receiver) -> DaemonOptions {
    DaemonOptions::default().flag("--allow-hosts", &receiver.host())
}

#[tokio::test]
async fn a_request_that_runs_is_given_up_at_the_deadline() {
    let receiver = Receiver::start().await;
    receiver.hold();
    let config = json!({"method": "POST", "url": receiver.url("/"), "timeout": 60_000});
    let graph = Graph::from("trigger-manual")
        .node("before", "logic-merge", json!({}))
        .node("send", "action-http", config)
        .chain(&["start", "before", "send"]);
    let execution = in_time(&graph, json!({}), reaching(&receiver)).await;
    assert_eq!(execution.error_node.as_deref(), Some("send"));
    assert_eq!(execution.ran(), ["start", "before"]);
    receiver.sees_given_up(1).await;
}

#[tokio::test]
async fn a_delay_does_not_outlive_the_deadline() {
    let graph = Graph::from("trigger-manual")
        .node("wait", "logic-delay", json!({"duration": 1, "unit": "days"}))
        .chain(&["start", "wait"]);
    let execution = in_time(&graph, json!({}), DaemonOptions::default()).await;
    assert_eq!(execution.error_node.as_deref(), Some("wait"));
}

#[tokio::test]
async fn the_pause_before_another_attempt_does_not_outlive_the_deadline() {
    let receiver = Receiver::answering(|_| Reply::status(500)).await;
    let send = json!({
        "config": {"method": "POST", "url": receiver.url("/")},
        "retry": {"maxAttempts": 5, "initialMs": 3_600_000, "maxMs": 3_600_000},
    });
    let graph = Graph::from("trigger-manual")
        .node_with("send", "action-http", send)
        .chain(&["start", "send"]);
    let execution = in_time(&graph, json!({}), reaching(&receiver)).await;
    assert_eq!(execution.error_node.as_deref(), Some("send"));
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn a_loop_and_all_that_runs_in_it_stop_at_the_deadline_and_the_longest_is_named() {
    let receiver = Receiver::start().await;
    receiver.hold();
    let config = json!({"method": "POST", "url": receiver.url("/"), "timeout": 60_000});
    let graph = Graph::from("trigger-manual")
        .node(
            "each",
            "logic-loop",
            json!({"arrayExpression": "trigger.list", "concurrency": 2}),
        )
        .node("wait", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .node("send", "action-http", config)
        .edge("start", "each")
        .edge_from("each", "loop", "wait")
        .edge_from("each", "loop", "send");
    let execution = in_time(&graph, json!({"list": [1, 2, 3]}), reaching(&receiver)).await;
    let named = execution.error_node.as_deref();
    assert!(matches!(named, Some("wait" | "send")), "{named:?}");
    receiver.sees_given_up(2).await;
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn a_cycle_that_never_waits_stops_at_the_deadline() {
    let graph = Graph::from("trigger-manual")
        .node("again", "logic-condition", json!({"expression": "true"}))
        .edge("start", "again")
        .edge_from("again", "true", "again");
    let endless = DaemonOptions::default().flag("--max-steps", "100000000");
    let execution = in_time(&graph, json!({}), endless).await;
    assert_eq!(execution.error_node.as_deref(), Some("again"));
}

#[tokio::test]
async fn an_execution_whose_time_was_over_before_it_was_claimed_does_nothing() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/")}),
        )
        .chain(&["start", "send"]);
    let automation = limited(&database, &account, &graph, 0.1).await;
    let id = database.start(automation, json!({})).await;
    database.run("SELECT pg_sleep(0.2)").await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let execution = database.ended(id).await.failed("timeout");
    assert_eq!(execution.error.as_deref(), Some("did not end within 0.1 s"));
    assert_eq!(receiver.requests().len(), 0);
}

#[tokio::test]
async fn an_execution_that_ends_in_time_is_not_touched() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node("wait", "logic-delay", json!({"duration": 1}))
        .chain(&["start", "wait"]);
    let automation = limited(&database, &account, &graph, 3_600.0).await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    database.ended(id).await.completed();
}
