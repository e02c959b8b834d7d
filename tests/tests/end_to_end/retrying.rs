//! An execution that has ended runs again, from the start or from a node: what had completed before is taken over and
//! not done again.

use std::collections::HashSet;
use std::sync::Mutex;

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use uuid::Uuid;

/// Answers each path that is named in `broken` with 500 once, and everything else with 200.
async fn breaking_once(broken: &[&str]) -> Receiver {
    let broken: HashSet<String> = broken.iter().map(|path| (*path).to_owned()).collect();
    let broken = Mutex::new(broken);
    Receiver::answering(
        move |request| match broken.lock().unwrap().remove(&request.path) {
            true => Reply::status(500),
            false => Reply::json(json!({"path": request.path})),
        },
    )
    .await
}

fn paths(receiver: &Receiver) -> Vec<String> {
    receiver
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect()
}

fn send(receiver: &Receiver, path: &str) -> Value {
    json!({"method": "POST", "url": receiver.url(path)})
}

async fn retry(database: &Database, execution: Uuid, from: Option<&str>, latest: bool) -> Uuid {
    let query = "SELECT automations.retry($1, $2, $3)";
    database.value(query, &[&execution, &from, &latest]).await
}

#[tokio::test]
async fn from_the_failed_node_nothing_before_it_is_done_again_and_its_outputs_and_variables_are_there() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = breaking_once(&["/second"]).await;
    let graph = Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .node("first", "action-http", send(&receiver, "/first"))
        .node(
            "mark",
            "action-update-lead",
            json!({"updates": {"score": "{{ lead.score + 1 }}"}}),
        )
        .node("second", "action-http", send(&receiver, "/second"))
        .set(
            "said",
            "said",
            json!("{{ who }} {{ nodes['first'].output.body.path }}"),
        )
        .chain(&["start", "note", "first", "mark", "second", "said"]);
    let automation = account.on_new_lead(&database, "twice", &graph).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    let lead = account.lead(&database, "Ada").await;
    let failed = database.only(automation).await.failed("node_failed");
    assert_eq!(failed.error_node.as_deref(), Some("second"));

    let id = retry(&database, failed.id, failed.error_node.as_deref(), false).await;

    let again = database.ended(id).await.completed();
    assert_eq!(paths(&receiver), ["/first", "/second", "/second"]);
    assert_eq!(again.variables["said"], "Ada /first");
    assert_eq!(again.ran(), ["start", "note", "first", "mark", "second", "said"]);
    assert_eq!(
        (again.lead_id, again.trigger_data),
        (Some(lead), failed.trigger_data)
    );
    let score: i32 = database
        .value("SELECT score FROM public.leads WHERE id = $1", &[&lead])
        .await;
    assert_eq!(score, 1, "the database node ran once");
    let keys: HashSet<String> = receiver.requests()[1..]
        .iter()
        .filter_map(|request| request.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 2, "another execution is another request");

    // from the start, of the one that completed now: everything is done again
    let id = retry(&database, again.id, None, false).await;
    database.ended(id).await.completed();
    assert_eq!(paths(&receiver)[3..], ["/first", "/second"]);
    let of: Uuid = database
        .value(
            "SELECT retry_of FROM public.automation_executions WHERE id = $1",
            &[&id],
        )
        .await;
    assert_eq!(of, again.id);
    daemon.stop().await;
}

#[tokio::test]
async fn inside_a_loop_the_items_before_the_failed_one_are_taken_over() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = breaking_once(&["/item/2", "/item/3"]).await;
    let graph = Graph::from("trigger-manual")
        .node(
            "each",
            "logic-loop",
            json!({"arrayExpression": "{{ [1, 2, 3] }}"}),
        )
        .node("send", "action-http", send(&receiver, "/item/{{ item }}"))
        .set("path", "path", json!("{{ nodes['send'].output.body.path }}"))
        .set("all", "all", json!("{{ nodes['each'].output }}"))
        .edge("start", "each")
        .edge_from("each", "loop", "send")
        .chain(&["send", "path"])
        .edge_from("each", "done", "all");
    let automation = account.manual(&database, "loop", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let mut id = database.start(automation, json!({})).await;

    // the second item fails, and in the retry the third: a retry of a retry
    for _ in 0..2 {
        let failed = database.ended(id).await.failed("node_failed");
        id = retry(&database, failed.id, Some("send"), false).await;
    }

    let done = database.ended(id).await.completed();
    assert_eq!(
        paths(&receiver),
        ["/item/1", "/item/2", "/item/2", "/item/3", "/item/3"]
    );
    let results: Vec<&Value> = done.variables["all"].as_array().unwrap().iter().collect();
    let results: Vec<&str> = results
        .iter()
        .filter_map(|result| result["path"].as_str())
        .collect();
    assert_eq!(
        results,
        ["/item/1", "/item/2", "/item/3"],
        "{}",
        done.variables["all"]
    );
}

#[tokio::test]
async fn with_the_newest_version_the_mended_node_runs_and_what_does_not_fit_is_refused() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = breaking_once(&["/wrong", "/wrong/"]).await;
    let graph = |path: &str| {
        Graph::from("trigger-manual")
            .node("first", "action-http", send(&receiver, "/first"))
            .node("second", "action-http", send(&receiver, path))
            .chain(&["start", "first", "second"])
    };
    let automation = account.manual(&database, "mended", &graph("/wrong")).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let id = database.start(automation, json!({})).await;
    let failed = database.ended(id).await.failed("node_failed");
    let save = "UPDATE public.automations SET nodes = $2, edges = $3 WHERE id = $1";
    let mended = graph("/right");
    let values = (Json(mended.nodes()), Json(mended.edges()));
    database
        .owner
        .execute(save, &[&automation, &values.0, &values.1])
        .await
        .unwrap();

    let id = retry(&database, failed.id, Some("second"), true).await;

    let again = database.ended(id).await.completed();
    assert_eq!(paths(&receiver), ["/first", "/wrong", "/right"]);
    assert_eq!((failed.version, again.version), (Some(1), Some(2)));
    database
        .run(&format!(
            "UPDATE public.automations SET nodes = nodes - 1,
                 edges = '[{{\"id\": \"e\", \"source\": \"start\", \"target\": \"second\"}}]'
             WHERE id = '{automation}'"
        ))
        .await;
    let error = database
        .owner
        .query_one("SELECT automations.retry($1, 'second', true)", &[&failed.id])
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "22023");
    assert!(error.message().contains("first"), "{error:?}");
}

#[tokio::test]
async fn a_cancelled_execution_goes_on_from_the_node_at_which_it_was_cancelled() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-manual")
        .node("first", "action-http", send(&receiver, "/first"))
        .node("second", "action-http", send(&receiver, "/second"))
        .chain(&["start", "first", "second"]);
    let automation = account.manual(&database, "cancelled", &graph).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    let id = database.start(automation, json!({})).await;
    receiver.have(1).await;
    assert!(
        database
            .value::<bool>("SELECT automations.cancel($1)", &[&id])
            .await
    );
    receiver.sees_given_up(1).await;
    receiver.let_go();

    let id = retry(&database, id, Some("first"), false).await;

    database.ended(id).await.completed();
    assert_eq!(paths(&receiver), ["/first", "/first", "/second"]);
}
