//! `logic-sub-automation`: another automation's execution as a step of this one. Its result and its failure come back;
//! each attempt is one of its own, and a chain of them is not too long.

use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::{Value, json};
use uuid::Uuid;

/// Calls the other and keeps what it gave, or how it failed.
pub fn caller(other: Value, more: Value) -> Graph {
    let mut data = json!({"config": {"automationId": other, "input": {"n": "{{ trigger.n }}"}}});
    for (key, value) in more.as_object().unwrap() {
        match data["config"].get(key).is_some() || key == "wait" {
            true => data["config"][key] = value.clone(),
            false => data[key] = value.clone(),
        }
    }
    Graph::from("trigger-manual")
        .node_with("call", "logic-sub-automation", data)
        .set("after", "got", json!("{{ nodes['call'].output }}"))
        .chain(&["start", "call", "after"])
}

/// Gives back twice what it is given.
pub fn doubling() -> Graph {
    Graph::from("trigger-manual")
        .node(
            "stop",
            "logic-stop",
            json!({"output": {"twice": "{{ trigger.n + trigger.n }}"}}),
        )
        .edge("start", "stop")
}

fn failing(message: &str) -> Graph {
    Graph::from("trigger-manual")
        .node(
            "stop",
            "logic-stop",
            json!({"status": "failure", "message": message}),
        )
        .edge("start", "stop")
}

/// Waits for somebody who never comes.
pub fn endless() -> Graph {
    Graph::from("trigger-manual")
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .edge("start", "wait")
}

#[tokio::test]
async fn its_result_comes_back() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "doubles", &doubling()).await;
    let automation = account
        .manual(
            &database,
            "calls",
            &caller(json!(other), json!({"outputVariable": "kept"})),
        )
        .await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({"n": 21})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["got"], json!({"twice": 42}));
    assert_eq!(execution.variables["kept"], json!({"twice": 42}));
    let child = database.only(other).await.completed();
    assert_eq!(child.trigger_data, json!({"n": 21}));
    assert_eq!((child.caused_by, child.depth), (Some(id), 1));
    assert_eq!(database.waits().await, 0);
}

#[tokio::test]
async fn one_that_is_not_waited_for_gives_its_id_at_once() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "never ends", &endless()).await;
    let automation = account
        .manual(
            &database,
            "calls",
            &caller(json!(other), json!({"wait": false, "outputVariable": "kept"})),
        )
        .await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.completed();
    let child = database.executions(other).await.remove(0);
    assert_eq!(execution.variables["got"], json!({"executionId": child.id}));
    assert_eq!(execution.variables["kept"], json!({"executionId": child.id}));
    assert!(!child.is_final(), "it goes on by itself");
}

#[tokio::test]
async fn its_failure_takes_the_error_edge_with_its_words() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "fails", &failing("no milk")).await;
    let graph = caller(json!(other), json!({}))
        .set("caught", "error", json!("{{ nodes['call'].error }}"))
        .edge_from("call", "error", "caught");
    let caught = account.manual(&database, "catches", &graph).await;
    let uncaught = account
        .manual(&database, "calls", &caller(json!(other), json!({})))
        .await;
    let goes_on = caller(json!(other), json!({"onError": "continue"}));
    let goes_on = account.manual(&database, "goes on", &goes_on).await;
    let _daemon = Daemon::start(&database).await;

    let id = database.start(caught, json!({})).await;
    let error = database.ended(id).await.completed().variables["error"].clone();
    assert_eq!(error["message"], "the other execution failed: no milk");
    assert_eq!(error["child"]["error"], "no milk");
    let child: Uuid = error["child"]["executionId"].as_str().unwrap().parse().unwrap();
    assert_eq!(database.execution(child).await.unwrap().automation_id, other);

    let id = database.start(uncaught, json!({})).await;
    let failed = database.ended(id).await.failed("node_failed");
    assert_eq!(failed.error_node.as_deref(), Some("call"));

    let id = database.start(goes_on, json!({})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "call", "after"]);
}

#[tokio::test]
async fn each_attempt_of_a_retry_is_another_execution() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::answering(|_| end_to_end::receiver::Reply::status(500)).await;
    let other = Graph::from("trigger-manual")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/")}),
        )
        .edge("start", "send");
    let other = account.manual(&database, "fails", &other).await;
    let retry = json!({"maxAttempts": 3, "backoff": "fixed", "initialMs": 50, "jitter": false});
    let graph = caller(json!(other), json!({"retry": retry}));
    let automation = account.manual(&database, "insists", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let failed = database.ended(id).await.failed("node_failed");
    assert_eq!(failed.node("call")["attempt"], 3);
    assert_eq!(database.all_ended(other, 3).await.len(), 3);
    assert_eq!(database.waits().await, 0);
}

#[tokio::test]
async fn one_that_calls_itself_ends_with_loop_depth_and_the_chain() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let itself = account.manual(&database, "recurs", &doubling()).await;
    let graph = caller(json!(itself), json!({}));
    database
        .owner
        .execute(
            "UPDATE public.automations SET nodes = $2, edges = $3 WHERE id = $1",
            &[
                &itself,
                &tokio_postgres::types::Json(graph.nodes()),
                &tokio_postgres::types::Json(graph.edges()),
            ],
        )
        .await
        .unwrap();
    let _daemon = Daemon::start(&database).await;
    let id = database.start(itself, json!({"n": 1})).await;
    let failed = database.ended(id).await.failed("loop_depth");
    let error = failed.error.unwrap();
    assert!(error.contains("recurs -> recurs"), "{error}");
    let all = database.all_ended(itself, 9).await;
    assert!(
        all.iter()
            .all(|one| one.error_code.as_deref() == Some("loop_depth"))
    );
}

#[tokio::test]
async fn an_automation_of_another_account_or_one_that_is_not_active_is_not_started() {
    let database = Database::fresh().await;
    let (account, stranger) = (Account::new(&database).await, Account::new(&database).await);
    let foreign = stranger.manual(&database, "foreign", &doubling()).await;
    let draft = account.manual(&database, "draft", &doubling()).await;
    database
        .owner
        .execute(
            "UPDATE public.automations SET status = 'draft' WHERE id = $1",
            &[&draft],
        )
        .await
        .unwrap();
    let automation = account
        .manual(
            &database,
            "calls",
            &caller(json!("{{ trigger.other }}"), json!({})),
        )
        .await;
    let _daemon = Daemon::start(&database).await;
    let mut errors = Vec::new();
    for other in [foreign, Uuid::nil(), draft] {
        let id = database.start(automation, json!({"other": other})).await;
        let failed = database.ended(id).await.failed("node_failed");
        errors.push(failed.error.unwrap().replace(&other.to_string(), "ID"));
        assert!(database.executions(other).await.is_empty());
    }
    assert_eq!(errors[0], errors[1], "what is another account's does not exist");
    assert!(errors[2].contains("not active"), "{errors:?}");
}

#[tokio::test]
async fn in_test_mode_the_other_runs_in_test_mode_too_and_may_be_a_draft() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let send = json!({"method": "POST", "url": "http://127.0.0.1:9/"});
    let other = Graph::from("trigger-manual")
        .node("send", "action-http", send)
        .edge("start", "send");
    let other = account.manual(&database, "draft", &other).await;
    database
        .owner
        .execute(
            "UPDATE public.automations SET status = 'draft' WHERE id = $1",
            &[&other],
        )
        .await
        .unwrap();
    let automation = account
        .manual(&database, "calls", &caller(json!(other), json!({})))
        .await;
    let _daemon = Daemon::start(&database).await;
    let id: Uuid = database
        .value("SELECT automations.run($1, '{}', true)", &[&automation])
        .await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["got"]["would_run"], "action-http");
}
