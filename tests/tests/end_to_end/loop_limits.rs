//! Loops over what is no list, over too much, and with too much to show for it.

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver};
use serde_json::json;

use crate::loops::{asking, each, echoing, ran, reaching};

#[tokio::test]
async fn what_is_no_list_and_what_is_too_long_fails_before_the_first_item() {
    let receiver = echoing().await;
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = asking(&receiver, json!({"maxIterations": 3}));
    let automation = account.manual(&database, "no list", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    for (list, why) in [
        (
            json!(null),
            "arrayExpression must be a list, but it is nothing (null)",
        ),
        (json!({}), "arrayExpression must be a list, but it is an object"),
        (json!("a, b"), "arrayExpression must be a list, but it is a text"),
        (
            json!([1, 2, 3, 4]),
            "the list has 4 items, and maxIterations is 3",
        ),
    ] {
        let id = database.start(automation, json!({"list": list})).await;
        let execution = database.ended(id).await.failed("node_failed");
        assert_eq!(execution.error.as_deref(), Some(why));
        assert_eq!(execution.error_node.as_deref(), Some("each"));
    }
    let id = database.start(automation, json!({"list": []})).await;
    let execution = database.ended(id).await.completed();
    assert_eq!(execution.variables["results"], json!([]));
    assert_eq!(receiver.requests().len(), 0);
}

#[tokio::test]
async fn results_beyond_the_limit_of_an_output_end_the_execution_and_name_the_loop() {
    let graph = Graph::from("trigger-manual")
        .node("each", "logic-loop", each(json!({})))
        .set("text", "text", json!("{{ trigger.text }}"))
        .edge("start", "each")
        .edge_from("each", "loop", "text");
    let options = DaemonOptions::default().flag("--max-output", "100KiB");
    let input = json!({"list": [1, 2, 3], "text": "x".repeat(40 << 10)});
    let execution = ran(&graph, input, options).await.failed("too_large");
    assert_eq!(execution.error_node.as_deref(), Some("each"));
    let why = "the results of the loop each are larger than 102400 bytes together";
    assert_eq!(execution.error.as_deref(), Some(why));
}

#[tokio::test]
async fn an_item_of_5_mb_is_refused_where_it_comes_in_and_goes_through_where_the_limits_allow_it() {
    let receiver = Receiver::answering(|_| Reply::json(json!(["x".repeat(5 << 20), "y"]))).await;
    let graph = Graph::from("trigger-manual")
        .node(
            "get",
            "action-http",
            json!({"method": "GET", "url": receiver.url("/")}),
        )
        .node(
            "each",
            "logic-loop",
            json!({"arrayExpression": "nodes['get'].output.body"}),
        )
        .node(
            "length",
            "transform-map",
            json!({"inputArray": [1], "mapping": "{{ index }}"}),
        )
        .edge("start", "get")
        .edge("get", "each")
        .edge_from("each", "loop", "length");
    let refused = ran(&graph, json!({}), reaching(&[&receiver]))
        .await
        .failed("too_large");
    assert_eq!(refused.error_node.as_deref(), Some("get"));
    let larger = reaching(&[&receiver])
        .flag("--max-http-answer", "8MiB")
        .flag("--max-output", "8MiB");
    let execution = ran(&graph, json!({}), larger).await.completed();
    assert_eq!(execution.output, json!([[0], [0]]));
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.manual(&database, "large", &graph).await;
    let input = tokio_postgres::types::Json(json!({"list": ["x".repeat(5 << 20)]}));
    let run = "SELECT automations.run($1, $2)";
    let refused = database
        .owner
        .query(run, &[&automation, &input])
        .await
        .unwrap_err();
    assert_eq!(
        refused.code(),
        Some(&tokio_postgres::error::SqlState::INVALID_PARAMETER_VALUE)
    );
}
