//! A graph that cannot run is refused when it is saved; one that is there all the same fails by itself.

use end_to_end::{Account, Daemon, Database, Graph};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Saving this active automation is refused with 22023; the error's text and detail, together.
async fn refusal(database: &Database, account: &Account, graph: &Graph) -> String {
    let config = json!({"event_source": "lead", "event_type": "INSERT"});
    let error = account
        .try_automation(database, "broken", "event", config, graph)
        .await
        .expect_err("a broken graph was saved");
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(error.code().code(), "22023", "{error:?}");
    format!(
        "{} {} {}",
        error.message(),
        error.detail().unwrap_or_default(),
        error.hint().unwrap_or_default()
    )
}

#[tokio::test]
async fn a_broken_graph_is_refused_when_it_is_saved_and_the_node_is_named() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let start = || Graph::from("trigger-event");
    let cases = [
        ("an edge to nowhere", start().edge("start", "nowhere"), "nowhere"),
        (
            "two nodes with one id",
            start().set("twin", "a", json!(1)).set("twin", "b", json!(2)),
            "twin",
        ),
        (
            "an unknown type",
            start()
                .node("odd", "action-teleport", json!({}))
                .edge("start", "odd"),
            "odd",
        ),
        (
            "a missing setting",
            start()
                .node("send", "action-http", json!({}))
                .edge("start", "send"),
            "send",
        ),
        (
            "a template that does not parse",
            start()
                .set("set", "a", json!("{{ unfinished"))
                .edge("start", "set"),
            "set",
        ),
        (
            "a cycle in which nothing chooses",
            start()
                .set("one", "a", json!(1))
                .set("two", "b", json!(2))
                .chain(&["start", "one", "two", "one"]),
            "one",
        ),
    ];
    for (what, graph, node) in cases {
        let text = refusal(&database, &account, &graph).await;
        assert!(text.contains(node) && text.contains(' '), "{what}: {text}");
    }
}

#[tokio::test]
async fn a_thousand_and_one_nodes_and_json_that_nests_too_deep_are_refused() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let mut many = Graph::from("trigger-event");
    for n in 0..1_000 {
        many = many.set(&format!("n{n}"), "a", json!(1));
    }
    assert!(refusal(&database, &account, &many).await.contains("1000"));

    let mut config = json!("{{ 1 }}");
    for _ in 0..100 {
        config = json!([config]);
    }
    let nested = Graph::from("trigger-event")
        .set("set", "deep", config)
        .edge("start", "set");
    let said = refusal(&database, &account, &nested).await;
    assert!(said.contains("nested") && said.contains("100"), "{said}");
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let error = database
        .owner
        .execute(
            "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, nodes)
             VALUES ($1, $2, 'deep', 'active', true, 'manual', $3::text::jsonb)",
            &[&account.user, &account.agent, &deep],
        )
        .await
        .expect_err("5,000 levels were accepted");
    assert_eq!(error.code().map(|code| code.code()), Some("22023"), "{error:?}");
}

#[tokio::test]
async fn a_draft_may_be_incomplete() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event").edge("start", "nowhere");
    database
        .owner
        .execute(
            "INSERT INTO public.automations (user_id, agent_id, name, trigger_type, nodes, edges)
             VALUES ($1, $2, 'draft', 'event', $3, $4)",
            &[
                &account.user,
                &account.agent,
                &Json(graph.nodes()),
                &Json(graph.edges()),
            ],
        )
        .await
        .expect("a draft may be anything");
}

/// Graphs that no save lets through, each with what is wrong with it.
fn broken() -> Vec<(&'static str, Value, Value)> {
    let start = || Graph::from("trigger-event");
    let mut many = start();
    for n in 0..1_000 {
        many = many.set(&format!("n{n}"), "a", json!(1));
    }
    let mut deep = json!("{{ 1 }}");
    for _ in 0..110 {
        deep = json!([deep]);
    }
    let graphs = [
        (
            "a cycle in which nothing chooses",
            start()
                .set("one", "a", json!(1))
                .set("two", "b", json!(2))
                .chain(&["start", "one", "two", "one"]),
        ),
        (
            "two nodes with one id",
            start()
                .set("twin", "a", json!(1))
                .set("twin", "b", json!(2))
                .edge("start", "twin"),
        ),
        ("an edge to nowhere", start().edge("start", "nowhere")),
        (
            "a template that does not parse",
            start()
                .set("set", "a", json!("{{ unfinished"))
                .edge("start", "set"),
        ),
        (
            "a missing setting",
            start()
                .node("send", "action-http", json!({}))
                .edge("start", "send"),
        ),
        (
            "an unknown type",
            start().node("odd", "no-such", json!({})).edge("start", "odd"),
        ),
        (
            "a type that this daemon cannot run yet, behind one that would act",
            start()
                .node("mark", "action-update-lead", json!({"updates": {"score": 7}}))
                .node("wait", "transform-code", json!({"code": "1"}))
                .chain(&["start", "mark", "wait"]),
        ),
        ("1,001 nodes", many),
        ("deep JSON", start().set("set", "a", deep).edge("start", "set")),
    ];
    let mut all: Vec<_> = graphs
        .into_iter()
        .map(|(what, graph)| (what, graph.nodes(), graph.edges()))
        .collect();
    all.push(("not a list", json!({"not": "a list"}), json!([])));
    all
}

#[tokio::test]
async fn a_broken_graph_that_was_forced_in_fails_with_invalid_graph_and_the_daemon_goes_on() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note");
    // What no trigger would let through: only a superuser gets here.
    let superuser = database.superuser().await;
    superuser
        .batch_execute("SET session_replication_role = replica")
        .await
        .unwrap();
    let mut automations = Vec::new();
    for (what, nodes, edges) in broken() {
        let automation = account.on_new_lead(&database, what, &graph).await;
        let force = "UPDATE public.automation_versions SET nodes = $2, edges = $3 WHERE automation_id = $1";
        let forced = superuser
            .execute(force, &[&automation, &Json(nodes), &Json(edges)])
            .await;
        assert_eq!(forced.unwrap(), 1, "{what}");
        automations.push((what, automation));
    }
    let good = account.on_new_lead(&database, "good", &graph).await;
    let daemon = Daemon::start(&database).await;

    account.lead(&database, "Ada").await;

    for (what, automation) in automations {
        let execution = database.only(automation).await;
        assert_eq!(
            (execution.status.as_str(), execution.error_code.as_deref()),
            ("failed", Some("invalid_graph")),
            "{what}: {execution:?}"
        );
        assert!(execution.nodes.is_empty(), "{what}: something of it ran");
        assert!(execution.error.is_some_and(|error| error.contains(' ')), "{what}");
    }
    database.only(good).await.completed();
    let acted = "SELECT count(*) FROM public.leads WHERE score = 7";
    assert_eq!(
        database.count(acted).await,
        0,
        "something acted before it was refused"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_to_run_a_version_that_was_deleted_fails_with_invalid_graph_queued_or_parked() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .set("note", "seen", json!(true))
        .node("wait", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .chain(&["start", "note", "wait"]);
    let automation = account.manual(&database, "gone", &graph).await;
    let first = Daemon::start(&database).await;
    let parked = database.start(automation, json!({})).await;
    database.becomes(parked, "waiting").await;
    first.stop().await;
    let queued = database.start(automation, json!({})).await;
    database
        .run("DELETE FROM public.automation_versions; UPDATE automations.parked SET wake_at = now()")
        .await;

    let daemon = Daemon::start(&database).await;

    for id in [parked, queued] {
        let execution = database.ended(id).await.failed("invalid_graph");
        let why = "the version that this execution runs is not there any more";
        assert_eq!(execution.error.as_deref(), Some(why));
        assert_eq!(execution.error_node, None);
    }
    let done =
        "SELECT count(*) FROM automations.recorded_steps WHERE node_id = 'note' AND status = 'completed'";
    assert_eq!(
        database.count(done).await,
        1,
        "what was done before stays recorded"
    );
    daemon.stop().await;
}
