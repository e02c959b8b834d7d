//! What an automation writes may start another one: each knows where it came from, and no chain is endless.

use end_to_end::{Account, Daemon, Database, Graph, waiting};
use serde_json::json;

fn score(value: serde_json::Value) -> Graph {
    Graph::from("trigger-event")
        .node(
            "score",
            "action-update-lead",
            json!({"updates": {"score": value}}),
        )
        .edge("start", "score")
}

#[tokio::test]
async fn an_execution_that_a_node_caused_names_its_cause() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let first = account.on_new_lead(&database, "first", &score(json!(10))).await;
    let note = Graph::from("trigger-event")
        .set("note", "score", json!("{{ trigger.new.score }}"))
        .edge("start", "note");
    let second = account.on_lead(&database, "second", "UPDATE", &note).await;
    let _daemon = Daemon::start(&database).await;

    account.lead(&database, "Ada").await;

    let cause = database.only(first).await.completed();
    let effect = database.only(second).await.completed();
    assert_eq!((effect.caused_by, effect.depth), (Some(cause.id), 1));
    assert_eq!((cause.caused_by, cause.depth), (None, 0));
    assert_eq!(effect.variables["score"], 10);
}

#[tokio::test]
async fn an_automation_that_starts_itself_ends_with_loop_depth() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = score(json!("{{ trigger.new.score + 1 }}"));
    let automation = account.on_lead(&database, "self-made", "UPDATE", &graph).await;
    let lead = account.lead(&database, "Ada").await;
    let _daemon = Daemon::start(&database).await;

    database
        .owner
        .execute("UPDATE public.leads SET score = 1 WHERE id = $1", &[&lead])
        .await
        .unwrap();

    let all = waiting::until("the chain to end", || async {
        let all = database.executions(automation).await;
        (all.iter().any(|execution| execution.status == "failed")).then_some(all)
    })
    .await;
    let last = all
        .into_iter()
        .find(|execution| execution.status == "failed")
        .unwrap()
        .failed("loop_depth");
    assert!(last.error.unwrap().contains("self-made"));
    database.idle().await;
    assert!(database.executions(automation).await.len() <= 10);
}
