//! A delay is rows, not memory: it survives the daemon that began it.

use end_to_end::{Account, Daemon, Database, Graph};
use serde_json::json;

fn delayed(seconds: u32) -> Graph {
    Graph::from("trigger-event")
        .set("before", "before", json!("{{ trigger.new.name }}"))
        .node(
            "wait",
            "logic-delay",
            json!({"duration": seconds, "unit": "seconds"}),
        )
        .set("after", "after", json!("{{ vars.before }}"))
        .chain(&["start", "before", "wait", "after"])
}

/// Waits until the only execution waits.
async fn parked(database: &Database) -> end_to_end::Execution {
    database
        .becomes(database.one_that_is("waiting").await, "waiting")
        .await
}

#[tokio::test]
async fn a_delay_parks_the_execution_and_survives_a_restart_of_the_daemon() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "delayed", &delayed(3)).await;
    let daemon = Daemon::start(&database).await;
    account.lead(&database, "Ada").await;
    let execution = parked(&database).await;
    assert_eq!(execution.ran()[..2], ["start", "before"]);
    assert_eq!(
        database.count("SELECT count(*) FROM automations.queue").await,
        0,
        "a parked one holds no claim"
    );
    daemon.kill().await;

    let _next = Daemon::start(&database).await;

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.ran(), ["start", "before", "wait", "after"]);
    assert_eq!(execution.variables["after"], "Ada");
    assert!(
        execution.duration_ms.is_some_and(|ms| ms >= 3_000),
        "{:?}",
        execution.duration_ms
    );
    assert_eq!(database.count("SELECT count(*) FROM automations.parked").await, 0);
}

#[tokio::test]
async fn a_parked_execution_can_be_cancelled() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    account.on_new_lead(&database, "delayed", &delayed(86_400)).await;
    let _daemon = Daemon::start(&database).await;
    account.lead(&database, "Ada").await;
    let execution = parked(&database).await;

    let cancelled: bool = database
        .value("SELECT automations.cancel($1)", &[&execution.id])
        .await;

    assert!(cancelled);
    assert_eq!(database.ended(execution.id).await.status, "cancelled");
    assert_eq!(database.count("SELECT count(*) FROM automations.parked").await, 0);
}
