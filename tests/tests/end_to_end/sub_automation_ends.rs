//! `logic-sub-automation`: what an execution that waits for another one and that other one do to each other when one of
//! them is cut off, and that there is one however often the daemon dies.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, waiting};
use serde_json::json;

use super::sub_automations::{caller, doubling, endless};

async fn waits_for_child(database: &Database) {
    waiting::until("a step that waits for another execution", || async {
        let parked = "SELECT count(*) FROM automations.parked p JOIN automations.waits w USING (execution_id)
                      WHERE w.kind = 'child'";
        (database.count(parked).await > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn when_the_one_that_waits_is_cancelled_the_other_is_too() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "never ends", &endless()).await;
    let automation = account
        .manual(&database, "calls", &caller(json!(other), json!({})))
        .await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    waits_for_child(&database).await;
    let child = database.executions(other).await.remove(0);

    assert!(
        database
            .value::<bool>("SELECT automations.cancel($1)", &[&id])
            .await
    );

    assert_eq!(database.ended(child.id).await.status, "cancelled");
    assert_eq!(database.ended(id).await.status, "cancelled");
    waiting::until("no row to be left", || async {
        (database.waits().await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn when_the_other_is_cancelled_the_node_fails() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "never ends", &endless()).await;
    let automation = account
        .manual(&database, "calls", &caller(json!(other), json!({})))
        .await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    waits_for_child(&database).await;
    let child = database.executions(other).await.remove(0);

    assert!(
        database
            .value::<bool>("SELECT automations.cancel($1)", &[&child.id])
            .await
    );

    let failed = database.ended(id).await.failed("node_failed");
    assert_eq!(failed.error.as_deref(), Some("the other execution was cancelled"));
}

#[tokio::test]
async fn one_that_lost_against_another_branch_is_cancelled() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "never ends", &endless()).await;
    let graph = Graph::from("trigger-manual")
        .node("call", "logic-sub-automation", json!({"automationId": other}))
        .node("pause", "logic-delay", json!({"duration": 1}))
        .node("first", "logic-merge", json!({"mode": "first"}))
        .node("long", "logic-delay", json!({"duration": 1, "unit": "days"}))
        .chain(&["start", "call", "first", "long"])
        .chain(&["start", "pause", "first"]);
    let automation = account.manual(&database, "raced", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, json!({})).await;
    let child = waiting::until("the other execution", || async {
        database.executions(other).await.pop()
    })
    .await;
    assert_eq!(database.ended(child.id).await.status, "cancelled");
    assert!(!database.execution(id).await.unwrap().is_final());
}

#[tokio::test]
async fn whenever_the_daemon_dies_between_starting_it_and_waiting_for_it_there_is_one() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let other = account.manual(&database, "doubles", &doubling()).await;
    let automation = account
        .manual(&database, "calls", &caller(json!(other), json!({})))
        .await;
    let options = || {
        DaemonOptions::default()
            .flag("--lease", "3s")
            .flag("--poll-interval", "200ms")
    };
    let mut executions = 0;
    for at in ["2:before", "2:after", "3:before", "3:after", "4:after"] {
        let id = database.start(automation, json!({"n": 4})).await;
        executions += 1;
        let mut dying = Daemon::spawn(&database.name, options().flag("--abort-at-write", at));
        // or it needs fewer writes than that
        tokio::select! {
            _ = dying.ended() => {}
            _ = database.ended(id) => {}
        }
        drop(dying);
        let next = Daemon::start_with(&database, options()).await;
        let execution = database.ended(id).await.completed();
        assert_eq!(execution.variables["got"], json!({"twice": 8}), "{at}");
        database.all_ended(other, executions).await;
        next.stop().await;
    }
}
