//! What nodes pass on is held, sent and read once, and every line of an execution shows it.

use end_to_end::{Account, Daemon, Database, Graph};
use serde_json::{Value, json};

/// Trigger, merge, a delay that parks, a condition with an output of its own, and a stop that passes that on.
fn chain(seconds: u32) -> Graph {
    Graph::from("trigger-event")
        .node("merge", "logic-merge", json!({}))
        .node(
            "wait",
            "logic-delay",
            json!({"duration": seconds, "unit": "seconds"}),
        )
        .node("good", "logic-condition", json!({"expression": "true"}))
        .node("stop", "logic-stop", json!({}))
        .chain(&["start", "merge", "wait", "good"])
        .edge_from("good", "true", "stop")
}

/// Input and output of each line, `lead` for the whole trigger data.
fn shown(nodes: &[Value], lead: &Value) -> Vec<Value> {
    let name = |value: &Value| {
        if value == lead {
            json!("lead")
        } else {
            value.clone()
        }
    };
    nodes
        .iter()
        .map(|line| json!([line["node_id"], name(&line["input"]), name(&line["output"])]))
        .collect()
}

#[tokio::test]
async fn each_line_shows_it_whole_whoever_ends_the_execution() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "passed on", &chain(2)).await;
    let daemon = Daemon::start(&database).await;
    account.lead(&database, "Zoë \"\\ 😀").await;

    let waits = database
        .becomes(database.one_that_is("waiting").await, "waiting")
        .await;
    let lead = waits.trigger_data.clone();
    assert_eq!(lead["new"]["name"], "Zoë \"\\ 😀");
    let before = [json!(["start", "lead", "lead"]), json!(["merge", "lead", "lead"])];
    assert_eq!(shown(&waits.nodes[..2], &lead), before);
    daemon.kill().await;

    let _next = Daemon::start(&database).await;
    let ended = database.only(automation).await.completed();

    let good = json!({"result": true});
    let after = [
        json!(["wait", "lead", "lead"]),
        json!(["good", "lead", good]),
        json!(["stop", good, good]),
    ];
    assert_eq!(shown(&ended.nodes, &lead), [&before[..], &after[..]].concat());
    assert_eq!((ended.trigger_data, ended.output), (lead, good));
}

#[tokio::test]
async fn a_value_that_looks_like_a_reference_is_shown_as_it_is() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let looks = json!({
        "input_of": [0, "input"], "output_of": [0, "output"],
        "nodes_executed": [{"input_of": [9, "input"]}],
    });
    let graph = Graph::from("trigger-manual")
        .node("stop", "logic-stop", json!({"output": looks}))
        .chain(&["start", "stop"]);
    let automation = account.manual(&database, "looks", &graph).await;
    let _daemon = Daemon::start(&database).await;

    database.start(automation, json!({"payload": looks})).await;

    let ended = database.only(automation).await.completed();
    assert_eq!(ended.output, looks);
    assert_eq!(ended.nodes[1]["output"], looks);
    assert_eq!(ended.nodes[0]["output"], ended.trigger_data);
}
