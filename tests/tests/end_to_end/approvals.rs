//! `logic-approval`: a person reads its message while it waits, and decides once.

use end_to_end::{Account, Daemon, Database, Execution, Graph, Receiver};
use serde_json::{Value, json};
use uuid::Uuid;

/// An approval whose three ways each set a variable.
fn graph(receiver: &Receiver, approval: Value) -> Graph {
    let ask = json!({
        "method": "POST", "url": receiver.url("/ask"), "body": {"token": "{{ resume['ask'].token }}"},
    });
    let way = |name: &str| json!(format!("{name} {{{{ nodes['ask'].output.outcome }}}}"));
    Graph::from("trigger-manual")
        .node("send", "action-http", ask)
        .node_with("ask", "logic-approval", approval)
        .set("yes", "way", way("yes"))
        .set("no", "way", way("no"))
        .set("late", "way", way("late"))
        .chain(&["start", "send", "ask"])
        .edge_from("ask", "approved", "yes")
        .edge_from("ask", "rejected", "no")
        .edge_from("ask", "timeout", "late")
}

struct Asked {
    database: Database,
    account: Account,
    _daemon: Daemon,
    id: Uuid,
    token: String,
}

async fn ask(approval: Value) -> Asked {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .manual(&database, "asks", &graph(&receiver, approval))
        .await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({"lead": "Ada"})).await;
    let token = receiver.tokens(1).await.remove(0);
    Asked {
        database,
        account,
        _daemon: daemon,
        id,
        token,
    }
}

impl Asked {
    async fn decide(&self, outcome: &str) -> bool {
        let payload = json!({"note": "because"});
        self.database
            .decide(self.account.user, &self.token, outcome, payload)
            .await
    }

    async fn ended(&self) -> Execution {
        self.database.ended(self.id).await.completed()
    }
}

#[tokio::test]
async fn its_message_can_be_read_while_it_waits_and_what_was_decided_afterwards() {
    let asked = ask(json!({
        "config": {"message": "Call {{ trigger.lead }}?"}, "outputVariable": "decision",
    }))
    .await;
    let waiting = asked.database.becomes(asked.id, "waiting").await;
    let entry = waiting.node("ask");
    assert_eq!(
        (&entry["status"], &entry["output"]),
        (&json!("waiting"), &json!({"message": "Call Ada?"}))
    );

    assert!(asked.decide("approved").await);
    assert!(!asked.decide("rejected").await);

    let execution = asked.ended().await;
    assert_eq!(execution.variables["way"], "yes approved");
    let output = &execution.node("ask")["output"];
    assert_eq!(output["outcome"], "approved");
    assert_eq!(output["payload"], json!({"note": "because"}));
    assert_eq!(output["resumed_by"], json!(asked.account.user));
    assert!(output["resumed_at"].is_string());
    assert_eq!(&execution.variables["decision"], output);
}

#[tokio::test]
async fn one_that_is_rejected_goes_the_other_way() {
    let asked = ask(json!({"config": {"message": "?"}})).await;
    assert!(asked.decide("rejected").await);
    assert_eq!(asked.ended().await.variables["way"], "no rejected");
}

#[tokio::test]
async fn one_that_nobody_decides_times_out_and_cannot_be_decided_any_more() {
    let asked = ask(json!({"config": {"message": "?", "timeout": 1, "unit": "seconds"}})).await;
    assert_eq!(asked.ended().await.variables["way"], "late timeout");
    assert!(!asked.decide("approved").await);
}

#[tokio::test]
async fn only_approved_and_rejected_can_be_decided() {
    let asked = ask(json!({"config": {}})).await;
    for outcome in [None, Some("perhaps"), Some("timeout")] {
        let user = asked.account.user;
        let refused = asked
            .database
            .try_resume(user, &asked.token, json!({}), outcome)
            .await;
        assert_eq!(
            refused.unwrap_err().code().unwrap().code(),
            "22023",
            "{outcome:?}"
        );
    }
    assert!(asked.decide("approved").await);
    assert_eq!(asked.ended().await.variables["way"], "yes approved");
}

#[tokio::test]
async fn a_decision_without_an_edge_ends_its_path() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let send =
        json!({"method": "POST", "url": receiver.url("/"), "body": {"token": "{{ resume.ask.token }}"}});
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", send)
        .node("ask", "logic-approval", json!({}))
        .set("yes", "way", json!("yes"))
        .chain(&["start", "send", "ask"])
        .edge_from("ask", "approved", "yes");
    let automation = account.manual(&database, "asks", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    assert!(database.decide(account.user, &token, "rejected", json!({})).await);
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "ask"]);
    assert_eq!(execution.output["outcome"], "rejected");
}

#[tokio::test]
async fn in_test_mode_a_pinned_decision_waits_for_nobody() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    for (pinned, way) in [
        (json!({"outcome": "rejected"}), "no rejected"),
        (json!({"outcome": "timeout"}), "late timeout"),
        (json!({"by": "nobody"}), "yes "),
    ] {
        let graph = graph(&receiver, json!({"config": {}, "pinnedOutput": pinned}));
        let automation = account.manual(&database, "pinned", &graph).await;
        let id: Uuid = database
            .value("SELECT automations.run($1, '{}', true)", &[&automation])
            .await;
        assert_eq!(database.ended(id).await.completed().variables["way"], way);
    }
    assert!(receiver.requests().is_empty());
}
