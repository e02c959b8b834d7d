//! Stops and crashes: what was running is finished by whoever comes next, under the same idempotency key.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver};
use serde_json::{Value, json};

/// A step before, a request, a step after.
fn graph(receiver: &Receiver, send: Value) -> Graph {
    let mut data = json!({"config": {"method": "POST", "url": receiver.url("/act"), "timeout": 60_000}});
    data.as_object_mut()
        .unwrap()
        .extend(send.as_object().unwrap().clone());
    Graph::from("trigger-event")
        .set("before", "before", json!("{{ trigger.new.name }}"))
        .node_with("send", "action-http", data)
        .set("after", "after", json!("{{ vars.before }}"))
        .chain(&["start", "before", "send", "after"])
}

fn options(receiver: &Receiver) -> DaemonOptions {
    DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--lease", "2s")
        .flag("--poll-interval", "300ms")
        .flag("--stop-timeout", "500ms")
}

#[tokio::test]
async fn after_sigterm_what_is_running_is_finished_before_the_exit() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .on_new_lead(&database, "stopped", &graph(&receiver, json!({})))
        .await;
    let mut daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;

    daemon.signal("TERM").await;
    daemon.says(&["stop"]).await;
    receiver.let_go();

    assert!(daemon.ended().await.success());
    database.only(automation).await.completed();
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_handed_back_and_another_daemon_goes_on() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .on_new_lead(&database, "handed back", &graph(&receiver, json!({})))
        .await;
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;

    daemon.stop().await;
    let crashes: i64 = database.count("SELECT sum(crashes) FROM automations.queue").await;
    assert_eq!(crashes, 0, "a graceful stop is no crash");
    receiver.let_go();
    let _next = Daemon::start_with(&database, options(&receiver)).await;

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.ran(), ["start", "before", "send", "after"]);
    assert_eq!(execution.variables["after"], "Ada");
    same_key(&receiver, 2);
}

#[tokio::test]
async fn after_kill_9_another_daemon_goes_on_from_the_last_recorded_step() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .on_new_lead(&database, "killed", &graph(&receiver, json!({})))
        .await;
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;

    daemon.kill().await;
    receiver.let_go();
    let _next = Daemon::start_with(&database, options(&receiver)).await;

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.ran(), ["start", "before", "send", "after"]);
    same_key(&receiver, 2);
}

#[tokio::test]
async fn a_step_that_must_not_run_twice_ends_as_interrupted_after_kill_9() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let once = graph(&receiver, json!({"onInterrupted": "fail"}));
    let automation = account.on_new_lead(&database, "once", &once).await;
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;

    daemon.kill().await;
    receiver.let_go();
    let _next = Daemon::start_with(&database, options(&receiver)).await;

    let execution = database.only(automation).await.failed("interrupted");
    assert_eq!(execution.error_node.as_deref(), Some("send"));
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn an_execution_that_takes_its_daemon_down_three_times_ends_as_interrupted() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .on_new_lead(&database, "poison", &graph(&receiver, json!({})))
        .await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    for round in 1..=3 {
        let daemon = Daemon::start_with(&database, options(&receiver)).await;
        receiver.have(round).await;
        daemon.kill().await;
    }
    let _next = Daemon::start_with(&database, options(&receiver)).await;
    database.only(automation).await.failed("interrupted");
    same_key(&receiver, 3);
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    account
        .on_new_lead(&database, "stuck", &graph(&receiver, json!({})))
        .await;
    let mut daemon = Daemon::start_with(&database, options(&receiver).flag("--stop-timeout", "10m")).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;

    daemon.signal("TERM").await;
    daemon.says(&["stop"]).await;
    daemon.signal("INT").await;

    // Its end is the event; within the deadline and not after ten minutes.
    daemon.ended().await;
}

/// The receiver saw so many requests, all with one idempotency key.
fn same_key(receiver: &Receiver, count: usize) {
    let requests = receiver.requests();
    let mut keys: Vec<&str> = requests
        .iter()
        .filter_map(|request| request.header("idempotency-key"))
        .collect();
    assert_eq!((requests.len(), keys.len()), (count, count), "{requests:?}");
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
}
