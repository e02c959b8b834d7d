//! Loops over lists: results, concurrency, failures, breaks, crashes.

use std::collections::BTreeSet;

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Execution, Graph, Receiver};
use serde_json::{Value, json};

/// Runs a graph once with this input and these flags.
pub(crate) async fn ran(graph: &Graph, input: Value, options: DaemonOptions) -> Execution {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.manual(&database, "loops", graph).await;
    let _daemon = Daemon::start_with(&database, options).await;
    let id = database.start(automation, input).await;
    database.ended(id).await
}

pub(crate) fn each(config: Value) -> Value {
    let mut all = json!({"arrayExpression": "trigger.list"});
    all.as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    all
}

/// A loop `each` over the trigger's list, of one request per item, then `after` with what came of it.
pub(crate) fn asking(receiver: &Receiver, config: Value) -> Graph {
    Graph::from("trigger-manual")
        .node("each", "logic-loop", each(config))
        .node(
            "ask",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/{{ item }}"), "body": {"item": "{{ item }}"}}),
        )
        .node(
            "of",
            "transform-map",
            json!({"inputArray": [1], "mapping": "{{ item }} of {{ nodes['ask'].output.body.item }}"}),
        )
        .set("after", "results", json!("{{ nodes['each'].output }}"))
        .edge("start", "each")
        .edge_from("each", "loop", "ask")
        .edge("ask", "of")
        .edge("of", "each")
        .edge_from("each", "done", "after")
}

pub(crate) fn reaching(receivers: &[&Receiver]) -> DaemonOptions {
    let hosts: Vec<String> = receivers.iter().map(|receiver| receiver.host()).collect();
    DaemonOptions::default()
        .flag("--allow-hosts", &hosts.join(","))
        .flag("--lease", "2s")
        .flag("--poll-interval", "300ms")
}

pub(crate) async fn echoing() -> Receiver {
    Receiver::answering(|request| Reply::json(request.json())).await
}

#[tokio::test]
async fn items_run_at_once_up_to_the_concurrency_and_results_are_in_their_order() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = echoing().await;
    let graph = asking(&receiver, json!({"concurrency": 3}));
    let automation = account.manual(&database, "at once", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    let id = database
        .start(automation, json!({"list": ["a", "b", "c", "d"]}))
        .await;

    assert_eq!(receiver.have(3).await.len(), 3); // none is answered before all three are there
    receiver.let_go();

    let execution = database.ended(id).await.completed();
    let results = json!([["1 of a"], ["1 of b"], ["1 of c"], ["1 of d"]]);
    assert_eq!(execution.variables["results"], results);
    assert_eq!(execution.node("each")["output"], results);
    assert_eq!(execution.ran().len(), 2 + 4 * 2 + 1);
}

#[tokio::test]
async fn nested_loops_have_names_of_their_own_and_results_of_results() {
    let graph = Graph::from("trigger-manual")
        .node(
            "rows",
            "logic-loop",
            json!({"arrayExpression": "trigger.rows", "itemVariable": "row", "indexVariable": "y", "concurrency": 2}),
        )
        .node(
            "cells",
            "logic-loop",
            json!({"arrayExpression": "row", "itemVariable": "cell", "indexVariable": "x"}),
        )
        .node(
            "name",
            "transform-map",
            json!({"inputArray": [0], "mapping": "{{ y }}{{ x }}{{ cell }}/{{ vars.seen }}"}),
        )
        .set("seen", "seen", json!("{{ cell }}"))
        .edge("start", "rows")
        .edge_from("rows", "loop", "cells")
        .edge_from("cells", "loop", "seen")
        .edge("seen", "name");
    let input = json!({"rows": [["a", "b"], [], ["c"]]});
    let execution = ran(&graph, input, DaemonOptions::default()).await.completed();
    assert_eq!(execution.output, json!([[["00a/a"], ["01b/b"]], [], [["20c/c"]]]));
    // each row wrote to a copy of its own; the last one with any write wins
    assert_eq!(execution.variables, json!({"seen": "c"}));
    let place = json!([{"loop": "rows", "run": 1, "item": 2}, {"loop": "cells", "run": 1, "item": 0}]);
    let mut named = execution.nodes.iter().filter(|node| node["node_id"] == "name");
    assert!(
        named.any(|node| node["iteration"] == place),
        "{:?}",
        execution.nodes
    );
}

#[tokio::test]
async fn a_break_gives_up_what_else_runs_in_the_loop() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let (slow, quick) = (echoing().await, echoing().await);
    let ask = |receiver: &Receiver| json!({"method": "POST", "url": receiver.url("/"), "timeout": 60_000});
    let graph = Graph::from("trigger-manual")
        .node("each", "logic-loop", each(json!({"concurrency": 2})))
        .node(
            "is",
            "logic-condition",
            json!({"rules": [{"field": "item", "operator": "equals", "value": "quick"}]}),
        )
        .node("quick", "action-http", ask(&quick))
        .node("slow", "action-http", ask(&slow))
        .node("break", "logic-break", json!({}))
        .set("after", "after", json!("{{ nodes['each'].output | length }}"))
        .edge("start", "each")
        .edge_from("each", "loop", "is")
        .edge_from("is", "true", "quick")
        .edge_from("is", "false", "slow")
        .edge("quick", "break")
        .edge_from("each", "done", "after");
    let automation = account.manual(&database, "broken off", &graph).await;
    let _daemon = Daemon::start_with(&database, reaching(&[&slow, &quick])).await;
    slow.hold();
    quick.hold();
    let id = database
        .start(automation, json!({"list": ["slow", "quick", "never"]}))
        .await;
    slow.have(1).await;
    quick.have(1).await;

    quick.let_go();

    slow.sees_given_up(1).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["after"], 0);
    assert_eq!(slow.requests().len(), 1);
}

#[tokio::test]
async fn a_failure_in_the_body_goes_to_the_error_edge_of_the_loop() {
    let receiver = Receiver::answering(|_| Reply::status(500)).await;
    let graph = asking(&receiver, json!({}))
        .set("sorry", "why", json!("{{ nodes['each'].error.status }}"))
        .edge_from("each", "error", "sorry");
    let execution = ran(&graph, json!({"list": ["a", "b"]}), reaching(&[&receiver])).await;
    let execution = execution.completed();
    assert_eq!(execution.variables, json!({"why": 500}));
    assert_eq!(execution.node("each")["status"], "failed");
    assert_eq!(receiver.requests().len(), 1); // no item begins any more
}

#[tokio::test]
async fn with_continue_on_error_a_failed_item_gives_its_error_and_the_others_go_on() {
    let receiver = Receiver::answering(|request| match request.path.as_str() {
        "/b" => Reply::status(500),
        _ => Reply::json(request.json()),
    })
    .await;
    let graph = asking(&receiver, json!({"continueOnError": true, "concurrency": 2}));
    let execution = ran(&graph, json!({"list": ["a", "b", "c"]}), reaching(&[&receiver])).await;
    let results = &execution.completed().variables["results"];
    assert_eq!(
        (&results[0], &results[2]),
        (&json!(["1 of a"]), &json!(["1 of c"]))
    );
    assert_eq!(
        (&results[1]["code"], &results[1]["status"]),
        (&json!("node_failed"), &json!(500))
    );
}

#[tokio::test]
async fn after_kill_9_in_a_concurrent_loop_another_daemon_goes_on_and_repeats_nothing_that_was_recorded() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let (first, second) = (echoing().await, echoing().await);
    let post = |receiver: &Receiver| json!({"method": "POST", "url": receiver.url("/{{ item }}"), "timeout": 60_000});
    let graph = Graph::from("trigger-manual")
        .node("each", "logic-loop", each(json!({"concurrency": 3})))
        .node("first", "action-http", post(&first))
        .node("second", "action-http", post(&second))
        .node(
            "of",
            "transform-map",
            json!({"inputArray": [1], "mapping": "{{ item }} of {{ index }}"}),
        )
        .edge("start", "each")
        .edge_from("each", "loop", "first")
        .chain(&["first", "second", "of", "each"]);
    let automation = account.manual(&database, "killed", &graph).await;
    let daemon = Daemon::start_with(&database, reaching(&[&first, &second])).await;
    second.hold();
    let id = database
        .start(automation, json!({"list": ["a", "b", "c", "d", "e"]}))
        .await;
    second.have(3).await;

    daemon.kill().await;
    second.let_go();
    let _next = Daemon::start_with(&database, reaching(&[&first, &second])).await;

    let execution = database.ended(id).await.completed();
    // `item` of the mapping is its own
    assert_eq!(execution.output.as_array().map(Vec::len), Some(5));
    assert_eq!(execution.ran().len(), 2 + 5 * 3);
    assert_eq!((keys(&first).len(), first.requests().len()), (5, 5));
    assert_eq!((keys(&second).len(), second.requests().len()), (5, 8));
}

fn keys(receiver: &Receiver) -> BTreeSet<String> {
    let requests = receiver.requests();
    let key = |request: &end_to_end::receiver::Request| request.header("idempotency-key").map(str::to_owned);
    requests.iter().filter_map(key).collect()
}
