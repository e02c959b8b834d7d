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

#[tokio::test]
async fn what_is_pinned_to_nodes_that_choose_wait_or_loop_takes_the_place_of_waiting_and_of_the_list() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node_with(
            "if",
            "logic-condition",
            json!({"config": {"expression": "trigger.n > 5"}, "pinnedOutput": {"pinned": true}}),
        )
        .node_with(
            "wait",
            "logic-wait",
            json!({"config": {"for": "event", "event": "paid"}, "pinnedOutput": {"payload": {"sum": 3}}}),
        )
        .node_with(
            "ask",
            "logic-approval",
            json!({"config": {"message": "?"}, "pinnedOutput": {"outcome": "rejected"}}),
        )
        .node_with(
            "pause",
            "logic-delay",
            json!({"config": {"duration": 9, "unit": "days"}, "pinnedOutput": {"slept": "well"}}),
        )
        .node_with(
            "each",
            "logic-loop",
            json!({"config": {"arrayExpression": "{{ [1, 2, 3] }}"}, "pinnedOutput": ["a", "b"]}),
        )
        .set("item", "item", json!("{{ item }}"))
        .node_with(
            "other",
            "logic-sub-automation",
            json!({
                "config": {"automationId": Uuid::now_v7(), "wait": true},
                "pinnedOutput": {"from": "elsewhere"},
            }),
        )
        .node(
            "emit",
            "action-emit",
            json!({"event": "done", "payload": {"n": 1}}),
        )
        .set(
            "seen",
            "seen",
            json!([
                "{{ nodes['if'].output.pinned }}",
                "{{ nodes['wait'].output.payload.sum }}",
                "{{ nodes['pause'].output.slept }}",
                "{{ nodes['each'].output }}",
                "{{ nodes['other'].output.from }}",
            ]),
        )
        .set("wrong", "wrong", json!(true))
        .edge("start", "if")
        .edge_from("if", "true", "wrong")
        .edge_from("if", "false", "wait")
        .edge("wait", "ask")
        .edge_from("ask", "approved", "wrong")
        .edge_from("ask", "rejected", "pause")
        .edge("pause", "each")
        .edge_from("each", "loop", "item")
        .edge_from("each", "done", "other")
        .chain(&["other", "emit", "seen"]);
    let automation = account.manual(&database, "pinned", &graph).await;
    let _daemon = Daemon::start(&database).await;

    let id: Uuid = database
        .value(
            "SELECT automations.run($1, '{\"n\": 1}', test_mode := true)",
            &[&automation],
        )
        .await;

    let execution = database.ended(id).await.completed();
    assert_eq!(
        execution.ran(),
        [
            "start", "if", "wait", "ask", "pause", "item", "item", "each", "other", "emit", "seen"
        ]
    );
    assert_eq!(
        execution.variables["seen"],
        json!([true, 3, "well", [{"item": "a"}, {"item": "b"}], "elsewhere"])
    );
    let waited = "SELECT count(*) FROM automations.recorded_steps WHERE status = 'parked'";
    assert_eq!(database.count(waited).await, 0);
    let events = "SELECT count(*) FROM public.automation_events";
    assert_eq!(
        database.count(events).await,
        0,
        "an event is described, not emitted"
    );
}

#[tokio::test]
async fn what_is_pinned_to_a_loop_and_is_no_list_is_noted_and_not_used() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node_with(
            "each",
            "logic-loop",
            json!({"config": {"arrayExpression": "{{ [1, 2] }}"}, "pinnedOutput": {"no": "list"}}),
        )
        .set("item", "item", json!("{{ item }}"))
        .edge("start", "each")
        .edge_from("each", "loop", "item");
    let automation = account.manual(&database, "pinned", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let run = "SELECT automations.run($1, '{}', test_mode := true)";
    let id: Uuid = database.value(run, &[&automation]).await;

    let execution = database.ended(id).await.completed();
    assert_eq!(execution.ran(), ["start", "item", "item", "each"]);
    let warnings: String = database
        .value(
            "SELECT warnings::text FROM automations.recorded_steps WHERE execution_id = $1 AND node_id = 'each'",
            &[&id],
        )
        .await;
    assert!(warnings.contains("pinned"), "{warnings}");
}

#[tokio::test]
async fn failed_test_runs_are_no_failures_in_a_row_and_a_test_run_can_be_retried_as_one() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .node(
            "stop",
            "logic-stop",
            json!({"status": "failure", "message": "no"}),
        )
        .edge("start", "stop");
    let automation = account.manual(&database, "fails", &graph).await;
    database
        .run(&format!(
            "UPDATE public.automations SET options = '{{\"error_limit\": 1}}' WHERE id = '{automation}'"
        ))
        .await;
    let _daemon = Daemon::start(&database).await;
    let run = "SELECT automations.run($1, '{}', test_mode := true)";
    let id: Uuid = database.value(run, &[&automation]).await;
    database.ended(id).await.failed("node_failed");
    let retry = "SELECT automations.retry($1, 'stop')";
    let again: Uuid = database.value(retry, &[&id]).await;
    database.ended(again).await.failed("node_failed");

    let tests = "SELECT count(*) FROM public.automation_executions WHERE test_mode";
    assert_eq!(database.count(tests).await, 2);
    let state = "SELECT concat_ws(' ', status, failures_in_a_row, execution_count) FROM public.automations WHERE id = $1";
    assert_eq!(
        database.value::<String>(state, &[&automation]).await,
        "active 0 0"
    );
}
