//! Waiting while other branches run, in loops and cycles, and being cut off.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, waiting};
use serde_json::{Value, json};

fn message(receiver: &Receiver, node: &str) -> Value {
    json!({
        "method": "POST", "url": receiver.url("/ask"),
        "body": {"token": format!("{{{{ resume['{node}'].token }}}}"), "item": "{{ item }}"},
    })
}

fn options(receiver: &Receiver) -> DaemonOptions {
    DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--poll-interval", "300ms")
}

/// A branch that waits beside one whose request the receiver holds, and a request behind the wait.
fn beside(receiver: &Receiver, slow: &Receiver) -> Graph {
    let post = |url: String| json!({"method": "POST", "url": url, "timeout": 60_000, "body": "{{ input }}"});
    Graph::from("trigger-manual")
        .node("send", "action-http", message(receiver, "wait"))
        .node(
            "wait",
            "logic-wait",
            json!({"for": "resume", "timeout": "{{ trigger.seconds }}"}),
        )
        .node("after", "action-http", post(receiver.url("/after")))
        .node("late", "action-http", post(receiver.url("/late")))
        .node("slow", "action-http", post(slow.url("/slow")))
        .node("both", "logic-merge", json!({}))
        .chain(&["start", "send", "wait", "after", "both"])
        .edge_from("wait", "timeout", "late")
        .chain(&["start", "slow", "both"])
}

async fn goes_on_beside(flag: &str, value: &str, says: &str) {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let (receiver, slow) = (Receiver::start().await, Receiver::start().await);
    slow.hold();
    let automation = account
        .manual(&database, "beside", &beside(&receiver, &slow))
        .await;
    let hosts = format!("{},{}", receiver.host(), slow.host());
    let options = options(&receiver).flag(flag, value).flag("--allow-hosts", &hosts);
    let daemon = Daemon::start_with(&database, options).await;
    daemon.says(&[says]).await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    waits(&database).await;

    assert!(database.resume(account.user, &token, json!({"n": 1})).await);

    let requests = receiver.have(2).await;
    assert_eq!(
        (requests[1].path.as_str(), requests[1].json()),
        ("/after", json!({"n": 1}))
    );
    assert!(!database.execution(id).await.unwrap().is_final());
    slow.let_go();
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran().len(), 6, "{:?}", execution.ran());
}

/// Waits until a step waits.
async fn waits(database: &Database) {
    waiting::until("a step that waits", || async {
        let waits = "SELECT count(*) FROM automations.waits WHERE kind IS NOT NULL";
        (database.count(waits).await > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_branch_that_is_resumed_goes_on_while_another_one_runs() {
    // nothing but the hint comes in time
    goes_on_beside("--poll-interval", "10m", "listening").await;
}

#[tokio::test]
async fn a_lost_hint_is_found_by_polling() {
    goes_on_beside("--listen-database-url", "none", "ready").await;
}

#[tokio::test]
async fn a_timeout_passes_while_another_branch_runs() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let (receiver, slow) = (Receiver::start().await, Receiver::start().await);
    slow.hold();
    let automation = account
        .manual(&database, "beside", &beside(&receiver, &slow))
        .await;
    let hosts = format!("{},{}", receiver.host(), slow.host());
    let far = options(&receiver).flag("--poll-interval", "10m");
    let _daemon = Daemon::start_with(&database, far.flag("--allow-hosts", &hosts)).await;
    let id = database.start(automation, json!({"seconds": 1})).await;

    let requests = receiver.have(2).await;
    assert_eq!(
        (requests[1].path.as_str(), requests[1].json()),
        ("/late", json!({"timed_out": true}))
    );
    let token = receiver.tokens(1).await.remove(0);
    assert!(!database.resume(account.user, &token, json!({})).await);
    slow.let_go();
    database.ended(id).await.completed();
}

#[tokio::test]
async fn a_message_may_be_sent_in_another_branch_than_the_wait() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .node("send", "action-http", message(&receiver, "wait"))
        .edge("start", "wait")
        .edge("start", "send");
    let automation = account.manual(&database, "apart", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    assert!(database.resume(account.user, &token, json!("here")).await);
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.node("wait")["output"], json!("here"));
}

#[tokio::test]
async fn each_item_of_a_loop_waits_by_a_token_of_its_own() {
    for concurrency in [1, 3] {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        let receiver = Receiver::start().await;
        let each = json!({"arrayExpression": "trigger.list", "concurrency": concurrency});
        let graph = Graph::from("trigger-manual")
            .node("each", "logic-loop", each)
            .node("send", "action-http", message(&receiver, "wait"))
            .node("wait", "logic-wait", json!({"for": "resume"}))
            .set("done", "all", json!("{{ nodes['each'].output }}"))
            .edge("start", "each")
            .edge_from("each", "loop", "send")
            .chain(&["send", "wait", "each"])
            .edge_from("each", "done", "done");
        let automation = account.manual(&database, "items", &graph).await;
        let _daemon = Daemon::start_with(&database, options(&receiver)).await;
        let id = database.start(automation, json!({"list": ["a", "b", "c"]})).await;

        let mut resumed = 0;
        while resumed < 3 {
            let together = (concurrency as usize).min(3 - resumed);
            receiver.have(resumed + together).await;
            // the last of those that wait together goes first
            for request in receiver.requests()[resumed..].iter().rev() {
                let (token, item) = (request.json()["token"].clone(), request.json()["item"].clone());
                let answer = json!(format!("of {}", item.as_str().unwrap()));
                assert!(
                    database
                        .resume(account.user, token.as_str().unwrap(), answer)
                        .await
                );
                resumed += 1;
            }
        }

        let execution = database.ended(id).await.completed();
        assert_eq!(execution.variables["all"], json!(["of a", "of b", "of c"]));
    }
}

#[tokio::test]
async fn each_round_of_a_cycle_waits_by_a_token_of_its_own() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", message(&receiver, "wait"))
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .node(
            "again",
            "logic-condition",
            json!({"expression": "nodes['wait'].output.again"}),
        )
        .set("done", "done", json!(true))
        .chain(&["start", "send", "wait", "again"])
        .edge_from("again", "true", "send")
        .edge_from("again", "false", "done");
    let automation = account.manual(&database, "rounds", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let first = receiver.tokens(1).await.remove(0);
    assert!(
        database
            .resume(account.user, &first, json!({"again": true}))
            .await
    );
    let second = receiver.tokens(2).await.remove(1);
    assert_ne!(first, second);
    assert!(
        !database
            .resume(account.user, &first, json!({"again": true}))
            .await
    );
    assert!(
        database
            .resume(account.user, &second, json!({"again": false}))
            .await
    );
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.node("wait")["run"], 2);
    assert_eq!(execution.variables["done"], true);
}

#[tokio::test]
async fn a_wait_that_lost_against_another_branch_cannot_be_resumed_any_more() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", message(&receiver, "wait"))
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .node("pause", "logic-delay", json!({"duration": 1}))
        .node("first", "logic-merge", json!({"mode": "first"}))
        .node("next", "action-http", message(&receiver, "last"))
        .node("last", "logic-wait", json!({"for": "resume"}))
        .chain(&["start", "send", "wait", "first", "next", "last"])
        .chain(&["start", "pause", "first"]);
    let automation = account.manual(&database, "raced", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let tokens = receiver.tokens(2).await;
    waiting::until("the second wait", || async {
        let execution = database.execution(id).await?;
        execution.ran().contains(&"last".to_owned()).then_some(())
    })
    .await;

    assert!(!database.resume(account.user, &tokens[0], json!({})).await);
    assert_eq!(database.execution(id).await.unwrap().status, "waiting");
    assert!(database.resume(account.user, &tokens[1], json!({})).await);

    let execution = database.ended(id).await.completed();
    assert!(!execution.ran().contains(&"wait".to_owned()));
    assert_eq!(database.waits().await, 0);
}

#[tokio::test]
async fn a_stop_ends_the_waits_of_all_other_branches() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", message(&receiver, "wait"))
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .node("pause", "logic-delay", json!({"duration": 1}))
        .node("stop", "logic-stop", json!({"output": "enough"}))
        .chain(&["start", "send", "wait"])
        .chain(&["start", "pause", "stop"]);
    let automation = account.manual(&database, "stopped", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.output, json!("enough"));
    let token = receiver.tokens(1).await.remove(0);
    assert!(!database.resume(account.user, &token, json!({})).await);
    assert_eq!(database.waits().await, 0);
}
