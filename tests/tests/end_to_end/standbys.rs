//! A hot standby and a promoted one: the wake-up worker of its server, and a daemon that was given its address. Each
//! test has servers of its own.

use end_to_end::listener::listen_at;
use end_to_end::own_cluster::OwnCluster;
use end_to_end::standby::Standby;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, cluster, template, waiting};
use serde_json::json;
use tokio_postgres::Client;

/// The database that is there when a server starts for the first time.
const NAME: &str = "postgres";

/// Everything is installed on the primary, and an automation for each new lead.
async fn primary() -> (OwnCluster, Database, Account, uuid::Uuid) {
    let settings = [
        "shared_preload_libraries=automations".to_owned(),
        format!("automations.database={NAME}"),
    ];
    let own = OwnCluster::start(&settings).await;
    cluster::use_instead(&own);
    let database = Database::first_of(NAME).await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note");
    let automation = account.on_new_lead(&database, "woken", &graph).await;
    (own, database, account, automation)
}

/// The wake-up workers of this session's server.
async fn workers(superuser: &Client) -> i64 {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'automations wake-up'";
    superuser.query_one(query, &[]).await.unwrap().get(0)
}

/// Waits until the standby has everything that the primary has.
async fn caught_up(database: &Database, replica: &Client) {
    let sent = "SELECT pg_current_wal_flush_lsn()::text";
    let at: String = database
        .superuser()
        .await
        .query_one(sent, &[])
        .await
        .unwrap()
        .get(0);
    waiting::until("the standby to have what the primary has", || async {
        let query = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
        let there: bool = replica.query_one(query, &[&at]).await.unwrap().get(0);
        there.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_standby_has_no_worker_complains_of_nothing_and_stops_fast() {
    let (_own, database, account, automation) = primary().await;
    let standby = Standby::of(&_own);
    let replica = standby.connect(NAME, "postgres").await;
    // what the primary captures, claims and notifies is replayed there
    let _daemon = Daemon::start(&database).await;
    account.lead(&database, "Ada").await;
    database.only(automation).await.completed();
    caught_up(&database, &replica).await;

    assert_eq!(workers(&replica).await, 0);
    let refused = replica
        .batch_execute("SELECT automations.wake()")
        .await
        .unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("25006"), "{refused}");

    assert!(standby.stops_fast(), "{}", standby.log());
    let log = standby.log();
    assert!(log.contains("database system is shut down"), "{log}");
    let complaints: Vec<&str> = log
        .lines()
        .filter(|line| {
            ["WARNING", "FATAL", "PANIC", "wake-up", "exited"]
                .iter()
                .any(|word| line.contains(word))
        })
        // the session above, and the connection to the primary, are told to go
        .filter(|line| !line.contains("due to administrator command"))
        .collect();
    assert_eq!(complaints, [""; 0], "{log}");
}

#[tokio::test]
async fn a_promoted_standby_has_its_own_worker_and_the_daemon_that_waited_there_is_woken_by_it() {
    let (own, database, account, automation) = primary().await;
    let standby = Standby::of(&own);
    let options = DaemonOptions {
        database_url: Some(standby.url(NAME, template::DAEMON)),
        ..DaemonOptions::default().flag("--poll-interval", "200ms")
    };
    let mut daemon = Daemon::spawn(NAME, options);
    daemon.not_ready("standby").await;

    standby.promote().await;

    let promoted = Database {
        owner: standby.connect(NAME, template::OWNER).await,
        name: NAME.to_owned(),
    };
    let superuser = standby.connect(NAME, "postgres").await;
    let worker: i32 = waiting::until("the worker of the promoted server", || async {
        let query =
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'automations wake-up' AND datname = $1";
        let row = superuser.query_opt(query, &[&NAME]).await.unwrap();
        row.map(|row| row.get(0))
    })
    .await;
    daemon.ready().await;
    daemon.stop().await;

    // one that would not look by itself before the test is over
    let options = DaemonOptions {
        database_url: Some(standby.url(NAME, template::DAEMON)),
        ..DaemonOptions::default().flag("--poll-interval", "10m")
    };
    let mut woken_only = Daemon::spawn(NAME, options);
    woken_only.ready().await;
    woken_only.says(&["listening"]).await;
    let mut ear = listen_at(&standby.url(NAME, "postgres"), "automation_trigger").await;
    account.lead(&promoted, "Ada").await;
    promoted.only(automation).await.completed();
    let heard = tokio::time::timeout(waiting::DEADLINE, ear.heard.recv()).await;
    assert_eq!(heard.unwrap().unwrap().process_id(), worker);
    drop(database);
    assert!(standby.stops_fast(), "{}", standby.log());
}
