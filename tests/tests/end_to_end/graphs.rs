//! The meaning of a graph, seen from outside: branches, joins, handles, cycles, failures, budgets.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, receiver::Reply};
use serde_json::{Value, json};

/// Runs a graph with this input and gives how it ended.
async fn run(graph: &Graph, input: Value) -> end_to_end::Execution {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.manual(&database, "graph", graph).await;
    let _daemon = Daemon::start(&database).await;
    let id = database.start(automation, input).await;
    database.ended(id).await
}

fn routes() -> Graph {
    let cases = json!([
        {"label": "Won", "value": "won", "handleId": "won"},
        {"label": "Lost", "value": "lost", "handleId": "lost"},
    ]);
    Graph::from("trigger-manual")
        .node(
            "route",
            "logic-switch",
            json!({"expression": "{{ trigger.status }}", "cases": cases, "defaultHandleId": "other"}),
        )
        .set("cheer", "mood", json!("glad"))
        .set("sigh", "mood", json!("sad"))
        .set("shrug", "mood", json!("calm"))
        .node("join", "logic-merge", json!({"mode": "all"}))
        .set("end", "said", json!("{{ vars.mood }}"))
        .edge("start", "route")
        .edge_from("route", "won", "cheer")
        .edge_from("route", "lost", "sigh")
        .edge_from("route", "other", "shrug")
        .edge("cheer", "join")
        .edge("sigh", "join")
        .edge("shrug", "join")
        .edge("join", "end")
}

#[tokio::test]
async fn a_switch_takes_one_way_and_the_ways_join_again() {
    for (status, way, mood) in [
        ("won", "cheer", "glad"),
        ("lost", "sigh", "sad"),
        ("new", "shrug", "calm"),
    ] {
        let execution = run(&routes(), json!({"status": status})).await.completed();
        assert_eq!(execution.ran(), ["start", "route", way, "join", "end"]);
        assert_eq!(execution.variables["said"], mood);
    }
}

#[tokio::test]
async fn branches_that_were_not_taken_are_listed_last_as_skipped() {
    let execution = run(&routes(), json!({"status": "won"})).await.completed();
    let last: Vec<(&str, &str)> = execution.nodes[5..]
        .iter()
        .map(|node| {
            (
                node["node_id"].as_str().unwrap(),
                node["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(last.len(), 2);
    assert!(
        last.contains(&("sigh", "skipped")) && last.contains(&("shrug", "skipped")),
        "{last:?}"
    );
}

#[tokio::test]
async fn branches_run_side_by_side_and_a_node_with_two_ways_in_waits_for_both() {
    let graph = Graph::from("trigger-manual")
        .set("left", "left", json!(1))
        .set("right", "right", json!(2))
        .set("sum", "sum", json!("{{ vars.left + vars.right }}"))
        .edge("start", "left")
        .edge("start", "right")
        .edge("left", "sum")
        .edge("right", "sum");
    let execution = run(&graph, json!({})).await.completed();
    assert_eq!(execution.variables["sum"], 3);
    assert_eq!(execution.ran().iter().filter(|id| *id == "sum").count(), 1);
}

#[tokio::test]
async fn two_branches_are_under_way_at_the_same_time() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let send = |path: &str| json!({"url": receiver.url(path)});
    let graph = Graph::from("trigger-manual")
        .node("left", "action-http", send("/left"))
        .node("right", "action-http", send("/right"))
        .edge("start", "left")
        .edge("start", "right");
    let automation = account.manual(&database, "both", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();

    let id = database.start(automation, json!({})).await;

    // Neither has been answered when both are here.
    receiver.have(2).await;
    receiver.let_go();
    database.ended(id).await.completed();
}

#[tokio::test]
async fn a_hand_drawn_cycle_goes_round_until_its_condition_lets_it_out() {
    let rule = json!({"rules": [{"field": "vars.n", "operator": "lt", "value": 5}], "logic": "and"});
    let graph = Graph::from("trigger-manual")
        .set("count", "n", json!("{{ (vars.n | default(0)) + 1 }}"))
        .node("again", "logic-condition", rule)
        .set("end", "result", json!("{{ vars.n }}"))
        .chain(&["start", "count", "again"])
        .edge_from("again", "true", "count")
        .edge_from("again", "false", "end");
    let execution = run(&graph, json!({})).await.completed();
    assert_eq!(execution.variables["result"], 5);
    assert_eq!(execution.ran().iter().filter(|id| *id == "count").count(), 5);
    assert_eq!(execution.node("count")["run"], 5);
}

#[tokio::test]
async fn a_cycle_without_an_end_passes_the_step_budget() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .set("count", "n", json!("{{ (vars.n | default(0)) + 1 }}"))
        .node("again", "logic-condition", json!({"expression": "{{ true }}"}))
        .chain(&["start", "count", "again"])
        .edge_from("again", "true", "count");
    let automation = account.manual(&database, "endless", &graph).await;
    let _daemon = Daemon::start_with(&database, DaemonOptions::default().flag("--max-steps", "50")).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.failed("step_budget");
    assert!(execution.error.unwrap().contains("count"));
}

#[tokio::test]
async fn a_failure_leaves_by_the_error_handle_if_an_edge_is_there() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::answering(|_| Reply::status(500)).await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", json!({"url": receiver.url("/")}))
        .set("fine", "result", json!("sent"))
        .set("mend", "result", json!("{{ nodes['send'].error.status }}"))
        .chain(&["start", "send", "fine"])
        .edge_from("send", "error", "mend");
    let automation = account.manual(&database, "mended", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.path(), ["start:success", "send:failed", "mend:success"]);
    assert_eq!(execution.variables["result"], 500);
}

#[tokio::test]
async fn a_failure_without_an_error_edge_fails_the_execution_and_names_the_node() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::answering(|_| Reply::status(500)).await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", json!({"url": receiver.url("/")}))
        .set("never", "never", json!(1))
        .chain(&["start", "send", "never"]);
    let automation = account.manual(&database, "fails", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.failed("node_failed");
    assert_eq!(execution.error_node.as_deref(), Some("send"));
    assert_eq!(execution.ran(), ["start", "send"]);
}

#[tokio::test]
async fn a_failure_may_be_gone_over_and_a_disabled_node_passes_its_input_on() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::answering(|_| Reply::status(500)).await;
    let send = json!({"config": {"url": receiver.url("/")}, "onError": "continue"});
    let graph = Graph::from("trigger-manual")
        .node_with("send", "action-http", send)
        .node_with(
            "off",
            "action-http",
            json!({"config": {"url": receiver.url("/off")}, "disabled": true}),
        )
        .set("end", "reached", json!(true))
        .chain(&["start", "send", "off", "end"]);
    let automation = account.manual(&database, "goes on", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.node("off")["status"], "skipped");
    assert_eq!(execution.variables["reached"], true);
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn stop_ends_everything_with_its_status_and_output() {
    let stop = json!({"status": "failure", "message": "enough", "output": {"a": 1}});
    let graph = Graph::from("trigger-manual")
        .node("stop", "logic-stop", stop)
        .edge("start", "stop");
    let execution = run(&graph, json!({})).await;
    assert_eq!(
        (execution.status.as_str(), execution.error.as_deref()),
        ("failed", Some("enough"))
    );
    assert_eq!(execution.output, json!({"a": 1}));
}

#[tokio::test]
async fn lists_are_mapped_filtered_and_summed() {
    let graph = Graph::from("trigger-manual")
        .node("big", "transform-filter", json!({
            "inputArray": "{{ trigger.items }}",
            "condition": {"rules": [{"field": "item.price", "operator": "gt", "value": 10}], "logic": "and"},
        }))
        .node("prices", "transform-map", json!({"inputArray": "{{ nodes['big'].output }}", "mapping": "{{ item.price * 2 }}"}))
        .node("total", "transform-aggregate", json!({"inputArray": "{{ nodes['prices'].output }}", "operation": "sum"}))
        .chain(&["start", "big", "prices", "total"]);
    let execution = run(
        &graph,
        json!({"items": [{"price": 5}, {"price": 20}, {"price": 30}]}),
    )
    .await
    .completed();
    assert_eq!(execution.output, json!(100));
}
