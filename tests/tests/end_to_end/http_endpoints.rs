//! /healthz, /readyz and /metrics.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, http, waiting};
use serde_json::json;

#[tokio::test]
async fn a_daemon_that_works_is_healthy_and_ready_and_counts_what_it_does() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note");
    let automation = account.on_new_lead(&database, "counted", &graph).await;
    let mut daemon = Daemon::start(&database).await;
    let address = daemon.address().await;
    assert_eq!(http::get(address, "/healthz").await.unwrap().status, 200);
    assert_eq!(http::get(address, "/readyz").await.unwrap().status, 200);
    assert_eq!(http::get(address, "/no-such-page").await.unwrap().status, 404);

    account.lead(&database, "Ada").await;
    database.only(automation).await.completed();

    let metrics = waiting::until("a metric of the daemon", || async {
        http::get(address, "/metrics")
            .await
            .filter(|answer| answer.body.contains("automationd_"))
    })
    .await;
    assert_eq!(metrics.status, 200);
    let names: Vec<&str> = metrics
        .body
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .collect();
    assert!(
        names.iter().all(|name| name.starts_with("automationd_")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_daemon_whose_database_is_not_installed_is_healthy_but_not_ready() {
    let database = Database::empty().await;
    let mut daemon = Daemon::spawn(&database.name, DaemonOptions::default());
    daemon.not_ready("CREATE EXTENSION").await;
    let address = daemon.address().await;
    assert_eq!(http::get(address, "/healthz").await.unwrap().status, 200);
    daemon.stop().await;
}

#[tokio::test]
async fn every_line_about_an_execution_carries_its_id() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account
        .manual(&database, "logged", &Graph::from("trigger-manual"))
        .await;
    let failing = Graph::from("trigger-manual")
        .node(
            "stop",
            "logic-stop",
            json!({"status": "failure", "message": "enough"}),
        )
        .edge("start", "stop");
    let failing = account.manual(&database, "logged failure", &failing).await;
    let daemon = Daemon::start_with(&database, DaemonOptions::default().flag("--log-format", "json")).await;

    // One after the other, so that every line about either belongs to the one that runs.
    for (automation, status) in [(automation, "completed"), (failing, "failed")] {
        let id = database.start(automation, json!({})).await;
        assert_eq!(database.ended(id).await.status, status);
        for message in ["claimed", "step", "ended"] {
            daemon
                .says(&[
                    &format!("\"message\":\"{message}\""),
                    &format!("\"execution_id\":\"{id}\""),
                ])
                .await;
        }
        daemon
            .says(&[&format!("\"status\":\"{status}\""), &id.to_string()])
            .await;
    }
    for line in daemon.log() {
        let line: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let message = line["message"].as_str().unwrap_or_default();
        if ["claimed", "step", "parked", "ended"].contains(&message) || line.get("node_id").is_some() {
            assert!(line["span"]["execution_id"].is_string(), "{line}");
        }
    }
}

#[tokio::test]
async fn an_idle_daemon_is_small() {
    let database = Database::fresh().await;
    let daemon = Daemon::start(&database).await;
    assert!(daemon.resident_kib() < 40 * 1024, "{} KiB", daemon.resident_kib());
    daemon.stop().await;
}
