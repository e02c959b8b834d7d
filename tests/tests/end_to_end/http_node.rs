//! What leaves by HTTP: private addresses only where the operator allowed them, and a key for each step.

use end_to_end::{Account, Daemon, Database, Execution, Graph, Receiver, receiver::Reply};
use serde_json::{Value, json};

async fn send(config: Value, allowed: Option<&Receiver>) -> Execution {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", config)
        .edge("start", "send");
    let automation = account.manual(&database, "send", &graph).await;
    let _daemon = match allowed {
        Some(receiver) => Daemon::start_reaching(&database, receiver).await,
        None => Daemon::start(&database).await,
    };
    let id = database.start(automation, json!({"name": "Ada"})).await;
    database.ended(id).await
}

#[tokio::test]
async fn a_private_address_is_refused() {
    let receiver = Receiver::start().await;
    let port = receiver.host().split(':').nth(1).unwrap().to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
    ] {
        let execution = send(json!({"url": format!("http://{host}:{port}/")}), None).await;
        assert_eq!(
            execution.failed("denied").error_node.as_deref(),
            Some("send"),
            "{host}"
        );
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn an_allowed_address_gets_the_request_with_an_idempotency_key() {
    let receiver = Receiver::answering(|_| Reply::json(json!({"score": 7}))).await;
    let config = json!({
        "method": "POST", "url": receiver.url("/score?of={{ trigger.name }}"),
        "headers": {"X-Lead": "{{ trigger.name }}"}, "body": {"name": "{{ trigger.name }}"}, "bodyType": "json",
    });
    let execution = send(config, Some(&receiver)).await.completed();
    assert_eq!(execution.output["status"], 200);
    assert_eq!(execution.output["body"]["score"], 7);
    let requests = receiver.requests();
    assert_eq!((requests.len(), requests[0].method.as_str()), (1, "POST"));
    assert_eq!(requests[0].path, "/score?of=Ada");
    assert_eq!(requests[0].json(), json!({"name": "Ada"}));
    assert_eq!(requests[0].header("x-lead"), Some("Ada"));
    assert!(
        requests[0]
            .header("idempotency-key")
            .is_some_and(|key| uuid::Uuid::parse_str(key).is_ok())
    );
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let inner = Receiver::start().await;
    let target = inner.url("/secret");
    let outer = Receiver::answering(move |_| Reply {
        status: 302,
        headers: vec![format!("location: {target}")],
        body: String::new(),
    })
    .await;
    let execution = send(json!({"url": outer.url("/")}), Some(&outer)).await;
    execution.failed("denied");
    assert_eq!((outer.requests().len(), inner.requests().len()), (1, 0));
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_the_step() {
    let receiver = Receiver::answering(|_| Reply {
        status: 200,
        headers: Vec::new(),
        body: "x".repeat(3 << 20),
    })
    .await;
    send(json!({"url": receiver.url("/")}), Some(&receiver))
        .await
        .failed("too_large");
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_fails_the_step() {
    let receiver = Receiver::start().await;
    receiver.hold();
    let execution = send(json!({"url": receiver.url("/"), "timeout": 200}), Some(&receiver)).await;
    assert_eq!(execution.failed("timeout").error_node.as_deref(), Some("send"));
}
