//! Priorities: within an account what is more urgent is claimed first.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph};
use serde_json::json;

#[tokio::test]
async fn what_is_more_urgent_runs_before_what_was_there_first() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .set("set", "a", json!(1))
        .edge("start", "set");
    let usual = account.manual(&database, "usual", &graph).await;
    let urgent = account.manual(&database, "urgent", &graph).await;
    let later = account.manual(&database, "later", &graph).await;
    database
        .run(
            "UPDATE public.automations SET options = '{\"priority\": 10}' WHERE name = 'urgent';
             UPDATE public.automations SET options = '{\"priority\": -10}' WHERE name = 'later'",
        )
        .await;
    for automation in [later, usual, urgent, later, usual, urgent] {
        database.start(automation, json!({})).await;
    }
    let _daemon = Daemon::start_with(&database, DaemonOptions::default().flag("--concurrency", "1")).await;
    for automation in [later, usual, urgent] {
        database.all_ended(automation, 2).await;
    }
    // by when they began: results are written together, in no order
    let order: Vec<String> = database
        .value(
            "SELECT array_agg(a.name ORDER BY e.nodes_executed -> 0 ->> 'started_at') FROM public.automation_executions e
               JOIN public.automations a ON a.id = e.automation_id",
            &[],
        )
        .await;
    assert_eq!(order, ["urgent", "urgent", "usual", "usual", "later", "later"]);
}
