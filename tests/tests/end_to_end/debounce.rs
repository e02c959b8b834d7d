//! Debouncing: many changes of a record, one execution when it is quiet.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph};
use serde_json::json;
use uuid::Uuid;

async fn debounced(database: &Database, account: Account, seconds: f64) -> Uuid {
    let graph = Graph::from("trigger-event")
        .set("set", "a", json!(1))
        .edge("start", "set");
    let config = json!({"event_source": "lead", "event_type": "UPDATE", "debounce_seconds": seconds});
    account
        .automation(database, "debounced", "event", config, &graph)
        .await
}

async fn score(database: &Database, lead: Uuid, score: i32) {
    database
        .owner
        .execute(
            "UPDATE public.leads SET score = $2 WHERE id = $1",
            &[&lead, &score],
        )
        .await
        .unwrap();
}

async fn is_held(database: &Database, last: i32) {
    end_to_end::waiting::until("the last change is held back", || async {
        let held = database
            .count(&format!(
                "SELECT count(*) FROM automations.debounced WHERE last_change #>> '{{new,score}}' = '{last}'"
            ))
            .await;
        (held == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_changes_are_one_execution_with_the_first_old_and_the_last_new() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = debounced(&database, account, 2.0).await;
    let lead = account.lead(&database, "Ada").await;
    // polling would come too late for this test: whoever holds it back wakes for it
    let options = DaemonOptions::default().flag("--poll-interval", "60s");
    let _first = Daemon::start_with(&database, options.clone()).await;
    let _second = Daemon::start_with(&database, options).await;
    // in one transaction, so that they are at one time however slow the machine is
    let changes: Vec<String> = (1..=10)
        .map(|value| format!("UPDATE public.leads SET score = {value}"))
        .collect();
    database.run(&changes.join(";")).await;
    let execution = database.all_ended(automation, 1).await.remove(0).completed();
    assert_eq!(execution.trigger_data["new"]["score"], 10);
    assert_eq!(execution.lead_id, Some(lead));
    database.idle().await;
    assert_eq!(database.executions(automation).await.len(), 1);
}

#[tokio::test]
async fn what_is_held_back_survives_the_daemons_that_held_it() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = debounced(&database, account, 3600.0).await;
    let lead = account.lead(&database, "Ada").await;
    let first = Daemon::start(&database).await;
    score(&database, lead, 1).await;
    is_held(&database, 1).await;
    first.kill().await;
    score(&database, lead, 2).await;
    let second = Daemon::start(&database).await;
    is_held(&database, 2).await;
    second.stop().await;
    // the hour is over
    database
        .run("UPDATE automations.debounced SET due_at = clock_timestamp()")
        .await;
    let _third = Daemon::start(&database).await;
    let execution = database.all_ended(automation, 1).await.remove(0).completed();
    assert_eq!(execution.trigger_data["old"]["score"], json!(0));
    assert_eq!(execution.trigger_data["new"]["score"], json!(2));
}

#[tokio::test]
async fn cancelling_what_is_held_back_leaves_an_answer_behind() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = debounced(&database, account, 3600.0).await;
    let lead = account.lead(&database, "Ada").await;
    let _daemon = Daemon::start(&database).await;
    score(&database, lead, 1).await;
    is_held(&database, 1).await;
    let id: Uuid = database.value("SELECT id FROM automations.pending", &[]).await;
    let cancelled: bool = database.value("SELECT automations.cancel($1)", &[&id]).await;
    assert!(cancelled);
    assert_eq!(database.ended(id).await.status, "cancelled");
    assert_eq!(database.executions(automation).await.len(), 1);
}
