//! Test mode: logic and transforms for real, nothing outside.

use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn a_test_run_does_nothing_outside_and_counts_nowhere() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let lead = account.lead(&database, "Ada").await;
    let pinned = json!({"config": {"url": receiver.url("/pinned")}, "pinnedOutput": {"status": 299}});
    let graph = Graph::from("trigger-manual")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/send")}),
        )
        .node_with("pinned", "action-http", pinned)
        .set("note", "status", json!("{{ nodes['pinned'].output.status }}"))
        .node("score", "action-update-lead", json!({"updates": {"score": 70}}))
        .node(
            "make",
            "action-db",
            json!({"operation": "create", "table": "leads", "values": {"name": "made"}}),
        )
        .chain(&["start", "send", "pinned", "note", "score", "make"]);
    let automation = account.manual(&database, "tested", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    let id: Uuid = database
        .value(
            "SELECT automations.run($1, '{}', test_mode := true, lead_id := $2)",
            &[&automation, &lead],
        )
        .await;

    let execution = database.ended(id).await.completed();
    assert_eq!(
        execution.ran(),
        ["start", "send", "pinned", "note", "score", "make"]
    );
    assert_eq!(execution.variables["status"], 299);
    assert!(receiver.requests().is_empty());
    let score: i32 = database
        .value("SELECT score FROM public.leads WHERE id = $1", &[&lead])
        .await;
    assert_eq!(score, 0);
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.leads WHERE name = 'made'")
            .await,
        0
    );
    let counted: i32 = database
        .value(
            "SELECT execution_count FROM public.automations WHERE id = $1",
            &[&automation],
        )
        .await;
    assert_eq!(counted, 0);
}
