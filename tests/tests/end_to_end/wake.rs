//! How a daemon learns that there is work: a notification is a hint, the row is the message.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, cluster, template, waiting};
use serde_json::json;

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note")
}

/// Looks at the queue by itself only after the deadline of every wait in this file.
fn woken_only() -> DaemonOptions {
    DaemonOptions::default().flag("--poll-interval", "10m")
}

const LISTENERS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'daemon_login' AND application_name LIKE '%listen%'";

#[tokio::test]
async fn a_commit_wakes_the_daemon_long_before_it_polls() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "woken", &note()).await;
    let _daemon = Daemon::start_with(&database, woken_only()).await;

    account.lead(&database, "Ada").await;

    database.only(automation).await.completed();
}

#[tokio::test]
async fn what_another_daemon_hands_back_is_taken_long_before_the_next_poll() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "handed back", &note()).await;
    account.lead(&database, "Ada").await;
    let another = cluster::connect(&database.name, template::DAEMON).await;
    let claim = "SELECT id FROM automations.claim(gen_random_uuid(), 1, 600000) WHERE id IS NOT NULL";
    assert_eq!(another.query(claim, &[]).await.unwrap().len(), 1);
    let _daemon = Daemon::start_with(&database, woken_only()).await;

    let release = "SELECT automations.release(array_agg(account_id), array_agg(id), array_agg(lease_token))
                     FROM automations.queue";
    let released: i32 = another.query_one(release, &[]).await.unwrap().get(0);

    assert_eq!(released, 1);
    database.only(automation).await.completed();
}

#[tokio::test]
async fn without_a_listener_polling_finds_the_row() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "polled", &note()).await;
    let options = DaemonOptions::default()
        .flag("--listen-database-url", "none")
        .flag("--poll-interval", "200ms");
    let _daemon = Daemon::start_with(&database, options).await;

    account.lead(&database, "Ada").await;

    database.only(automation).await.completed();
}

#[tokio::test]
async fn a_listener_whose_connection_is_killed_comes_back() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "woken", &note()).await;
    let _daemon = Daemon::start_with(&database, woken_only()).await;
    let superuser = database.superuser().await;
    let killed: i64 = superuser.query_one(LISTENERS, &[]).await.unwrap().get(0);
    assert!(killed >= 1, "no listener found to kill");

    account.lead(&database, "while it was gone").await;
    database.only(automation).await.completed();
    account.lead(&database, "when it was back").await;
    database.all_ended(automation, 2).await;
}

#[tokio::test]
async fn every_connection_killed_at_once_is_survived() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "survives", &note()).await;
    let _daemon = Daemon::start(&database).await;
    let superuser = database.superuser().await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'daemon_login'";
    superuser.query_one(kill, &[]).await.unwrap();

    account.lead(&database, "Ada").await;

    database.only(automation).await.completed();
}

#[tokio::test]
async fn rubbish_in_a_notification_is_ignored() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "woken", &note()).await;
    let daemon = Daemon::start_with(&database, woken_only()).await;
    daemon.says(&["listening"]).await;
    for payload in [
        "",
        "rubbish",
        "{\"automation_id\": 7}",
        "\u{fffd}\u{1}'; DROP TABLE leads; --",
        &"x".repeat(7_900),
    ] {
        for channel in ["automation_trigger", "automation_cancel", "automation_execution"] {
            database
                .owner
                .execute("SELECT pg_notify($1, $2)", &[&channel, &payload])
                .await
                .unwrap();
        }
    }

    account.lead(&database, "Ada").await;

    database.only(automation).await.completed();
    for (channel, payload) in [
        ("automation_trigger", "rubbish"),
        ("automation_cancel", "rubbish"),
        ("automation_trigger", "DROP TABLE leads"),
    ] {
        daemon.says(&[channel, "ignored", payload]).await;
    }
    let longest = daemon.log().iter().map(String::len).max();
    assert!(longest < Some(1_000), "a payload was logged as a whole");
    let leads = "SELECT count(*) FROM public.leads WHERE name = 'Ada'";
    assert_eq!(database.count(leads).await, 1);
}

#[tokio::test]
async fn each_change_of_status_is_announced() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account
        .manual(&database, "announced", &Graph::from("trigger-manual"))
        .await;
    let mut ear = end_to_end::listener::listen(&database.name, "postgres", "automation_execution").await;
    let _daemon = Daemon::start(&database).await;

    let id = database.start(automation, json!({})).await;

    let heard = waiting::DEADLINE;
    let mut statuses = Vec::new();
    loop {
        let notification = tokio::time::timeout(heard, ear.heard.recv())
            .await
            .expect("an announcement")
            .unwrap();
        let payload: serde_json::Value = serde_json::from_str(notification.payload()).unwrap();
        assert_eq!(
            (&payload["id"], &payload["automation_id"]),
            (&json!(id), &json!(automation))
        );
        statuses.push(payload["status"].as_str().unwrap().to_owned());
        if payload["status"] == "completed" {
            break;
        }
    }
    // `run()` itself may announce that it is pending.
    let since = statuses.iter().position(|status| status != "pending").unwrap();
    assert!(since <= 1, "{statuses:?}");
    assert_eq!(statuses[since..], ["running", "completed"]);
}
