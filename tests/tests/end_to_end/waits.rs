//! `logic-wait` for a resume: a row while it waits, one token that works once, whoever runs the daemon and whatever
//! happens to it.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver};
use serde_json::{Value, json};

/// A message that carries the token of a node.
fn message(receiver: &Receiver, path: &str, node: &str) -> Value {
    json!({
        "method": "POST", "url": receiver.url(path), "timeout": 60_000,
        "body": {
            "token": format!("{{{{ resume['{node}'].token }}}}"),
            "url": format!("{{{{ resume['{node}'].url }}}}"),
            "item": "{{ item }}",
        },
    })
}

/// A message with a token, a wait for who has it, and something after that.
fn asking(receiver: &Receiver, more: Value) -> Graph {
    let mut wait = json!({"for": "resume"});
    wait.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Graph::from("trigger-manual")
        .node("send", "action-http", message(receiver, "/ask", "wait"))
        .node("wait", "logic-wait", wait)
        .set("after", "answer", json!("{{ nodes['wait'].output.answer }}"))
        .chain(&["start", "send", "wait", "after"])
}

fn options(receiver: &Receiver) -> DaemonOptions {
    DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--lease", "2s")
        .flag("--poll-interval", "300ms")
}

#[tokio::test]
async fn a_tenant_resumes_a_wait_with_the_token_of_a_message_once() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = asking(&receiver, json!({}));
    let automation = account.manual(&database, "asks", &graph).await;
    let daemon = Daemon::start_with(
        &database,
        options(&receiver).flag("--public-url", "https://a.example/base"),
    )
    .await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    let waiting = database.becomes(id, "waiting").await;
    assert_eq!(waiting.ran(), ["start", "send", "wait"]);
    assert_eq!(waiting.node("wait")["status"], "waiting");
    let queued = database.count("SELECT count(*) FROM automations.queue").await;
    assert_eq!(queued, 0, "a row, and no claim");

    let stranger = Account::new(&database).await; // whoever has the token may use it
    assert!(
        database
            .resume(stranger.user, &token, json!({"answer": 42}))
            .await
    );
    assert!(!database.resume(account.user, &token, json!({"answer": 43})).await);

    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "wait", "after"]);
    assert_eq!(execution.variables["answer"], 42);
    let url = format!("https://a.example/base/resume/{token}");
    assert_eq!(receiver.requests()[0].json()["url"], json!(url));
    assert!(
        !database.resume(account.user, &token, json!({})).await,
        "it has ended"
    );
    assert_eq!(database.waits().await, 0);
    assert!(daemon.log().iter().all(|line| !line.contains(&token)));
}

#[tokio::test]
async fn a_wait_that_was_resumed_before_it_began_does_not_wait() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = asking(&receiver, json!({}));
    let automation = account.manual(&database, "asks", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);

    assert!(database.resume(account.user, &token, json!({"answer": 1})).await);
    assert!(!database.resume(account.user, &token, json!({"answer": 2})).await);
    receiver.let_go();

    assert_eq!(database.ended(id).await.completed().variables["answer"], 1);
}

#[tokio::test]
async fn a_token_that_was_resumed_far_ahead_keeps_nobody_awake() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", message(&receiver, "/ask", "late"))
        .node("early", "logic-wait", json!({"for": "resume"}))
        .node("late", "logic-wait", json!({"for": "resume"}))
        .node("next", "action-http", message(&receiver, "/ask", "early"))
        .chain(&["start", "send", "next", "early", "late"]);
    let automation = account.manual(&database, "far ahead", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let tokens = receiver.tokens(2).await;
    database.becomes(id, "waiting").await;
    assert!(database.resume(account.user, &tokens[0], json!({"n": 2})).await);

    let parked = "SELECT count(*) FROM automations.parked";
    assert_eq!(database.count(parked).await, 1, "it waits for the other one");
    assert!(database.resume(account.user, &tokens[1], json!({"n": 1})).await);

    let execution = database.ended(id).await.completed();
    assert_eq!(execution.node("early")["output"], json!({"n": 1}));
    assert_eq!(execution.node("late")["output"], json!({"n": 2}));
}

#[tokio::test]
async fn a_forged_token_is_refused_and_says_nothing() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .manual(&database, "asks", &asking(&receiver, json!({})))
        .await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    database.becomes(id, "waiting").await;

    let other = if token.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{other}", &token[..token.len() - 1]);
    let flipped: String = token.chars().rev().collect();
    let mut said = Vec::new();
    for forged in ["", "token", &changed, &flipped, &format!("{token}{token}")] {
        let refused = database.try_resume(account.user, forged, json!({}), None).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "22023", "{forged}");
        said.push(refused.as_db_error().unwrap().message().to_owned());
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(database.execution(id).await.unwrap().status, "waiting");
    assert!(database.resume(account.user, &token, json!({})).await);
}

#[tokio::test]
async fn a_wait_that_nobody_resumes_leaves_by_timeout_and_takes_its_token_along() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = asking(&receiver, json!({"timeout": 1}))
        .set("late", "late", json!("{{ nodes['wait'].output }}"))
        .edge_from("wait", "timeout", "late");
    let with_edge = account.manual(&database, "late", &graph).await;
    let graph = asking(
        &receiver,
        json!({"timeout": "{{ trigger.seconds }}", "unit": "seconds"}),
    );
    let without = account.manual(&database, "ends", &graph).await;
    let _daemon = Daemon::start_with(&database, options(&receiver)).await;

    let id = database.start(with_edge, json!({})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "wait", "late"]);
    assert_eq!(execution.variables["late"], json!({"timed_out": true}));
    assert!(execution.duration_ms.is_some_and(|ms| ms >= 1_000));
    let token = receiver.tokens(1).await.remove(0);
    assert!(!database.resume(account.user, &token, json!({})).await);

    let id = database.start(without, json!({"seconds": 1})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "wait"]);
}

#[tokio::test]
async fn a_wait_is_resumed_while_no_daemon_runs_and_goes_on_with_the_next_one() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .manual(&database, "asks", &asking(&receiver, json!({})))
        .await;
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    database.becomes(id, "waiting").await;
    daemon.kill().await;

    assert!(
        database
            .resume(account.user, &token, json!({"answer": "yes"}))
            .await
    );
    let _next = Daemon::start_with(&database, options(&receiver)).await;

    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["answer"], "yes");
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn after_kill_9_while_it_is_resumed_it_has_been_resumed_once() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let after =
        json!({"method": "POST", "url": receiver.url("/after"), "body": "{{ input }}", "timeout": 60_000});
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", message(&receiver, "/ask", "wait"))
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .node("act", "action-http", after)
        .chain(&["start", "send", "wait", "act"]);
    let automation = account.manual(&database, "killed", &graph).await;
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    let id = database.start(automation, json!({})).await;
    let token = receiver.tokens(1).await.remove(0);
    database.becomes(id, "waiting").await;
    receiver.hold();
    assert!(database.resume(account.user, &token, json!({"n": 1})).await);
    receiver.have(2).await;

    daemon.kill().await;
    receiver.let_go();
    assert!(!database.resume(account.user, &token, json!({"n": 2})).await);
    let _next = Daemon::start_with(&database, options(&receiver)).await;

    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "send", "wait", "act"]);
    assert_eq!(execution.node("wait")["output"], json!({"n": 1}));
    let requests = receiver.requests();
    assert_eq!(requests[1].body, requests[2].body);
}

#[tokio::test]
async fn of_many_who_resume_many_waits_each_has_one_winner_and_two_daemons_do_nothing_twice() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .manual(&database, "asks", &asking(&receiver, json!({})))
        .await;
    let _first = Daemon::start_reaching(&database, &receiver).await;
    let _second = Daemon::start_reaching(&database, &receiver).await;
    for _ in 0..20 {
        database.start(automation, json!({})).await;
    }
    let tokens = receiver.tokens(20).await;
    let different: std::collections::HashSet<_> = tokens.iter().collect();
    assert_eq!(different.len(), 20);

    let one = database.as_tenant(account.user).await;
    let other = database.as_tenant(account.user).await;
    let resume = |session: tokio_postgres::Client, tokens: Vec<String>, answer: i32| async move {
        let mut won = 0;
        for token in tokens {
            let row = session
                .query_one(
                    "SELECT automations.resume($1, jsonb_build_object('answer', $2::integer))",
                    &[&token, &answer],
                )
                .await
                .unwrap();
            won += usize::from(row.get::<_, bool>(0));
        }
        won
    };
    let reversed = tokens.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(resume(one, tokens.clone(), 1), resume(other, reversed, 2));

    assert_eq!(first + second, 20);
    let all = database.all_ended(automation, 20).await;
    let ones = all.iter().filter(|one| one.variables["answer"] == 1).count();
    assert_eq!(ones, first);
    assert!(
        all.iter()
            .all(|one| one.status == "completed" && one.ran().len() == 4)
    );
    assert_eq!(database.waits().await, 0);
}
