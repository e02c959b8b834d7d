//! The wake-up worker of a server that preloads the library: one NOTIFY for many commits, from its own process, and
//! every way in which it may not be there. Each test has a server of its own, because it is about the server.

use std::path::PathBuf;

use end_to_end::daemon::signal;
use end_to_end::listener::{Listener, listen};
use end_to_end::own_cluster::OwnCluster;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, cluster, waiting};
use serde_json::json;
use tokio_postgres::Client;

/// The database that is there when a server starts for the first time.
const FIRST: &str = "postgres";
const CHANNEL: &str = "automation_trigger";

async fn server(databases: &str, settings: &[&str]) -> OwnCluster {
    let mut all = vec![
        "shared_preload_libraries=automations".to_owned(),
        format!("automations.database={databases}"),
    ];
    all.extend(settings.iter().map(|setting| (*setting).to_owned()));
    let own = OwnCluster::start(&all).await;
    cluster::use_instead(&own);
    own
}

/// The pid of a database's worker, when it is there.
async fn worker_of(superuser: &Client, database: &str) -> i32 {
    waiting::until("the wake-up worker to be there", || async {
        let row = superuser
            .query_opt(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'automations wake-up' AND datname = $1",
                &[&database],
            )
            .await
            .unwrap();
        row.map(|row| row.get(0))
    })
    .await
}

/// Who sent the next notification.
async fn sender(listener: &mut Listener) -> i32 {
    let heard = tokio::time::timeout(waiting::DEADLINE, listener.heard.recv()).await;
    let notification = heard.expect("a notification").expect("the session is open");
    assert_eq!((notification.channel(), notification.payload()), (CHANNEL, ""));
    notification.process_id()
}

/// Everything that was notified before now, by whom: a notification of our own comes behind all of it.
async fn senders_until_now(listener: &mut Listener, superuser: &Client) -> Vec<i32> {
    superuser
        .batch_execute("SELECT pg_notify('automation_trigger', 'fence')")
        .await
        .unwrap();
    let mut senders = Vec::new();
    while let Some(notification) = listener.heard.recv().await {
        if notification.payload() == "fence" {
            break;
        }
        senders.push(notification.process_id());
    }
    senders
}

async fn pid_of(session: &Client) -> i32 {
    session
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0)
}

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note")
}

#[tokio::test]
async fn a_commit_is_notified_by_the_worker_and_wakes_the_daemon() {
    let _server = server(FIRST, &[]).await;
    let database = Database::first_of(FIRST).await;
    let superuser = database.superuser().await;
    let worker = worker_of(&superuser, FIRST).await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "woken", &note()).await;
    let mut listener = listen(FIRST, "postgres", CHANNEL).await;
    let options = DaemonOptions::default().flag("--poll-interval", "10m");
    let _daemon = Daemon::start_with(&database, options).await;
    senders_until_now(&mut listener, &superuser).await;

    account.lead(&database, "Ada").await;

    assert_eq!(sender(&mut listener).await, worker);
    database.only(automation).await.completed();
}

#[tokio::test]
async fn what_is_rolled_back_wakes_nobody_and_a_released_savepoint_does() {
    let _server = server(FIRST, &[]).await;
    let database = Database::first_of(FIRST).await;
    let superuser = database.superuser().await;
    let worker = worker_of(&superuser, FIRST).await;
    let mut listener = listen(FIRST, "postgres", CHANNEL).await;
    senders_until_now(&mut listener, &superuser).await;

    // far more than the worker would put together into one notification
    for _ in 0..100 {
        for statements in [
            "BEGIN; SELECT automations.wake(); ROLLBACK",
            "BEGIN; SAVEPOINT a; SELECT automations.wake(); ROLLBACK TO a; COMMIT",
            "BEGIN; SAVEPOINT a; SAVEPOINT b; SELECT automations.wake(); RELEASE b; ROLLBACK TO a; COMMIT",
        ] {
            database.owner.batch_execute(statements).await.unwrap();
        }
    }
    assert_eq!(senders_until_now(&mut listener, &superuser).await, [0_i32; 0]);

    for statements in [
        "BEGIN; SAVEPOINT a; SELECT automations.wake(); RELEASE a; COMMIT",
        "BEGIN; SELECT automations.wake(); SAVEPOINT a; SELECT automations.wake(); ROLLBACK TO a; COMMIT",
    ] {
        database.owner.batch_execute(statements).await.unwrap();
        assert_eq!(sender(&mut listener).await, worker);
    }
}

#[tokio::test]
async fn a_prepared_transaction_can_be_made_and_is_found_by_polling() {
    let _server = server(FIRST, &["max_prepared_transactions=5"]).await;
    let database = Database::first_of(FIRST).await;
    worker_of(&database.superuser().await, FIRST).await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "prepared", &note()).await;
    let options = DaemonOptions::default().flag("--poll-interval", "200ms");
    let _daemon = Daemon::start_with(&database, options).await;

    database.owner.batch_execute("BEGIN").await.unwrap();
    account.lead(&database, "Ada").await;
    database
        .owner
        .batch_execute("PREPARE TRANSACTION 'ours'")
        .await
        .unwrap();
    database
        .owner
        .batch_execute("COMMIT PREPARED 'ours'")
        .await
        .unwrap();

    database.only(automation).await.completed();
}

#[tokio::test]
async fn while_the_worker_is_gone_sessions_notify_themselves_until_it_is_back() {
    let _server = server(FIRST, &[]).await;
    let database = Database::first_of(FIRST).await;
    let superuser = database.superuser().await;
    let first = worker_of(&superuser, FIRST).await;
    let mut listener = listen(FIRST, "postgres", CHANNEL).await;
    superuser
        .execute("SELECT pg_terminate_backend($1, 10000)", &[&first])
        .await
        .unwrap();
    senders_until_now(&mut listener, &superuser).await;

    database
        .owner
        .batch_execute("SELECT automations.wake()")
        .await
        .unwrap();
    assert_eq!(sender(&mut listener).await, pid_of(&database.owner).await);

    let second = worker_of(&superuser, FIRST).await;
    assert_ne!(first, second);
    senders_until_now(&mut listener, &superuser).await;
    database
        .owner
        .batch_execute("SELECT automations.wake()")
        .await
        .unwrap();
    assert_eq!(sender(&mut listener).await, second);
}

#[tokio::test]
async fn a_database_that_is_not_named_or_not_there_yet_does_without_a_worker() {
    let _server = server("late", &[]).await;
    let superuser = cluster::connect(FIRST, "postgres").await;
    let mut listener = listen(FIRST, "postgres", CHANNEL).await;
    superuser
        .batch_execute("CREATE EXTENSION automations; SELECT automations.wake()")
        .await
        .unwrap();
    assert_eq!(sender(&mut listener).await, pid_of(&superuser).await);

    superuser.batch_execute("CREATE DATABASE late").await.unwrap();
    // its worker tries again after a minute, or when the configuration is read again
    waiting::until("a worker for the database that came late", || async {
        superuser.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let workers =
            "SELECT FROM pg_stat_activity WHERE backend_type = 'automations wake-up' AND datname = 'late'";
        superuser.query_opt(workers, &[]).await.unwrap()
    })
    .await;

    let refused = superuser.batch_execute("DROP DATABASE late").await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("55006"), "{refused}");
    superuser
        .batch_execute("DROP DATABASE late WITH (FORCE)")
        .await
        .unwrap();
}

#[tokio::test]
async fn the_extension_may_be_dropped_made_again_and_updated_under_the_worker() {
    let _server = server(FIRST, &[]).await;
    let superuser = cluster::connect(FIRST, "postgres").await;
    let worker = worker_of(&superuser, FIRST).await;
    superuser
        .batch_execute(
            "CREATE EXTENSION automations; DROP EXTENSION automations; CREATE EXTENSION automations;
             ALTER EXTENSION automations UPDATE",
        )
        .await
        .unwrap();
    let mut listener = listen(FIRST, "postgres", CHANNEL).await;
    superuser
        .batch_execute("SELECT automations.wake()")
        .await
        .unwrap();
    assert_eq!(sender(&mut listener).await, worker);
}

#[tokio::test]
async fn a_setting_that_is_misspelt_is_refused_and_the_list_of_databases_belongs_to_the_server() {
    let _server = server(FIRST, &[]).await;
    let superuser = cluster::connect(FIRST, "postgres").await;
    for (statement, sqlstate) in [
        ("SET automations.databse = 'app'", "42602"),
        ("SET automations.database = 'app'", "55P02"),
    ] {
        let refused = superuser.batch_execute(statement).await.unwrap_err();
        assert_eq!(
            refused.code().map(|code| code.code()),
            Some(sqlstate),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn the_worker_hears_a_fast_shutdown() {
    let server = server(FIRST, &[]).await;
    worker_of(&cluster::connect(FIRST, "postgres").await, FIRST).await;

    signal(server.server, "INT").await;

    waiting::until("the server to be gone", || async {
        (!PathBuf::from(format!("/proc/{}", server.server)).exists()).then_some(())
    })
    .await;
    let log = std::fs::read_to_string(server.folder.join("server.log")).unwrap();
    assert!(log.contains("database system is shut down"), "{log}");
}
