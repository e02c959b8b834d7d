//! A database node with which an execution ends: its effect, its record and the result are one transaction, or the ordinary
//! way is gone, and nothing is done twice.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, waiting};
use serde_json::json;
use uuid::Uuid;

/// Asks, then makes a lead.
fn asks_and_makes_a_lead(receiver: &Receiver) -> Graph {
    let made = json!({"operation": "create", "table": "leads", "values": {"name": "made"}});
    Graph::from("trigger-manual")
        .node(
            "ask",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/ask")}),
        )
        .node("make", "action-db", made)
        .chain(&["start", "ask", "make"])
}

const MADE: &str = "SELECT count(*) FROM public.leads WHERE name = 'made'";

async fn steps(database: &Database, execution: Uuid) -> String {
    let query = "SELECT string_agg(node_id || ' ' || status, ', ' ORDER BY ordinal)
                   FROM automations.recorded_steps WHERE execution_id = $1";
    database.value(query, &[&execution]).await
}

#[tokio::test]
async fn effect_record_and_result_are_one_transaction() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .manual(&database, "makes", &asks_and_makes_a_lead(&receiver))
        .await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    let execution = database.start(automation, json!({})).await;

    let ended = database.ended(execution).await.completed();
    assert!(ended.node("make")["output"].to_string().contains("made"));
    let together = "SELECT count(DISTINCT x.xmin::text) FROM (
            SELECT xmin FROM public.leads WHERE name = 'made'
            UNION ALL SELECT xmin FROM public.automation_executions WHERE id = $1
            UNION ALL SELECT xmin FROM automations.steps WHERE execution_id = $1 AND node_id = 'make') x";
    assert_eq!(database.value::<i64>(together, &[&execution]).await, 1);
    assert_eq!(
        steps(&database, execution).await,
        "start completed, ask completed, make completed"
    );
}

#[tokio::test]
async fn an_execution_that_somebody_has_locked_ends_the_ordinary_way_when_it_is_let_go() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    receiver.hold();
    let automation = account
        .manual(&database, "makes", &asks_and_makes_a_lead(&receiver))
        .await;
    let options = DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--poll-interval", "300ms");
    let daemon = Daemon::start_with(&database, options).await;
    let execution = database.start(automation, json!({})).await;
    receiver.have(1).await;
    let other = database.another_session().await;
    other.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM public.automation_executions WHERE id = $1 FOR UPDATE";
    other.execute(lock, &[&execution]).await.unwrap();

    receiver.let_go();

    daemon.says(&["cannot be written with its last step"]).await;
    waiting::until("the lead", || async {
        (database.count(MADE).await == 1).then_some(())
    })
    .await;
    other.batch_execute("ROLLBACK").await.unwrap();
    database.ended(execution).await.completed();
    assert_eq!((database.count(MADE).await, receiver.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_daemon_that_dies_at_any_write_of_it_leaves_one_effect() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let automation = account
        .manual(&database, "makes", &asks_and_makes_a_lead(&receiver))
        .await;
    let options = DaemonOptions::default().flag("--allow-hosts", &receiver.host());
    for when in ["before", "during", "after"] {
        for write in 1..=4 {
            database.run("DELETE FROM public.leads WHERE name = 'made'").await;
            let at = format!("{write}:{when}");
            let execution = database.start(automation, json!({})).await;
            let dying = options.clone().flag("--abort-at-write", &at);
            let mut daemon = Daemon::spawn(&database.name, dying);
            tokio::select! {
                _ = daemon.ended() => {}
                _ = database.ended(execution) => {}
            }
            daemon.kill().await;
            database.abandoned().await;
            let next = Daemon::start_with(&database, options.clone()).await;
            database.ended(execution).await.completed();
            next.kill().await;
            database.abandoned().await;
            assert_eq!(database.count(MADE).await, 1, "{at}");
            assert_eq!(
                steps(&database, execution).await,
                "start completed, ask completed, make completed",
                "{at}"
            );
        }
    }
}
