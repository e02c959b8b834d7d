//! Who holds an execution may write about it, and nobody else: a daemon that stood still, one that died.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver};
use serde_json::json;

fn options(receiver: &Receiver) -> DaemonOptions {
    DaemonOptions::default()
        .flag("--allow-hosts", &receiver.host())
        .flag("--lease", "2s")
        .flag("--poll-interval", "300ms")
}

/// Everything that is stored about executions, as one text.
const STORED: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT 'execution ' || e::text AS line FROM public.automation_executions e
    UNION ALL SELECT 'step ' || s::text FROM automations.recorded_steps s
    UNION ALL SELECT 'queue ' || q::text FROM automations.queue q) lines";

#[tokio::test]
async fn a_daemon_that_stood_still_past_its_lease_writes_nothing_when_it_wakes() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let graph = Graph::from("trigger-event")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/act"), "timeout": 60_000}),
        )
        .node(
            "mark",
            "action-update-lead",
            json!({"updates": {"score": "{{ lead.score + 1 }}"}}),
        )
        .node(
            "again",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/again")}),
        )
        .chain(&["start", "send", "mark", "again"]);
    let automation = account.on_new_lead(&database, "zombie", &graph).await;
    let zombie = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    let lead = account.lead(&database, "Ada").await;
    receiver.have(1).await;

    zombie.signal("STOP").await;
    let heir = Daemon::start_with(&database, options(&receiver)).await;
    receiver.have(2).await;
    receiver.let_go();
    database.only(automation).await.completed();
    database.idle().await;
    heir.stop().await;
    let before: String = database.value(STORED, &[]).await;
    zombie.signal("CONT").await;

    // It has the answer to its own request, too, and must not use it.
    zombie.says(&["lease is lost"]).await;
    zombie.stop().await;
    assert_eq!(database.value::<String>(STORED, &[]).await, before);
    let paths: Vec<String> = receiver
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths, ["/act", "/act", "/again"]);
    let score: i32 = database
        .value("SELECT score FROM public.leads WHERE id = $1", &[&lead])
        .await;
    assert_eq!(score, 1, "the database node ran once");
}

#[tokio::test]
async fn what_a_database_node_wrote_before_kill_9_is_not_written_again() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let values = json!({"title": "Call {{ trigger.new.name }}", "start_time": "2030-01-07T09:00:00Z"});
    let graph = Graph::from("trigger-event")
        .node(
            "create",
            "action-db",
            json!({"operation": "create", "table": "bookings", "values": values}),
        )
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/act"), "timeout": 60_000}),
        )
        .chain(&["start", "create", "send"]);
    let automation = account.on_new_lead(&database, "books once", &graph).await;
    let daemon = Daemon::start_with(&database, options(&receiver)).await;
    receiver.hold();
    account.lead(&database, "Ada").await;
    receiver.have(1).await;

    daemon.kill().await;
    receiver.let_go();
    let _next = Daemon::start_with(&database, options(&receiver)).await;

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.ran(), ["start", "create", "send"]);
    let bookings = "SELECT count(*) FROM public.bookings WHERE title = 'Call Ada'";
    assert_eq!(database.count(bookings).await, 1);
    let steps = "SELECT count(*) FROM automations.recorded_steps WHERE node_id = 'create'";
    assert_eq!(database.count(steps).await, 1);
    assert_eq!(receiver.requests().len(), 2, "the request is what was done again");
}
