//! Many executions at once by a filter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::json;

#[tokio::test]
async fn after_an_outage_all_that_failed_goes_on_where_it_failed() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let mended = Arc::new(AtomicBool::new(false));
    let answer = mended.clone();
    let receiver = Receiver::answering(move |request| {
        let works = answer.load(Ordering::SeqCst) || request.path == "/first";
        Reply::status(if works { 200 } else { 500 })
    })
    .await;
    let send = |path: &str| json!({"method": "POST", "url": receiver.url(path)});
    let graph = Graph::from("trigger-event")
        .node("first", "action-http", send("/first"))
        .node("second", "action-http", send("/second"))
        .chain(&["start", "first", "second"]);
    let automation = account.on_new_lead(&database, "outage", &graph).await;
    database
        .run(&format!(
            "UPDATE public.automations SET options = '{{\"error_limit\": 0}}' WHERE id = '{automation}'"
        ))
        .await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    for n in 0..30 {
        account.lead(&database, &format!("lead {n}")).await;
    }
    database.all_ended(automation, 30).await;
    mended.store(true, Ordering::SeqCst);

    let app = database.as_tenant(account.user).await;
    let retried = app
        .query(
            "SELECT m.done FROM automations.retry_many($1, '{\"error_node_id\": \"second\"}', from_failed => true) m",
            &[&automation],
        )
        .await
        .unwrap();

    assert_eq!(retried.iter().filter(|row| row.get(0)).count(), 30);
    let all = database.all_ended(automation, 60).await;
    assert_eq!(all.iter().filter(|one| one.status == "completed").count(), 30);
    let count = |path: &str| receiver.requests().iter().filter(|one| one.path == path).count();
    assert_eq!((count("/first"), count("/second")), (30, 60));
}

#[tokio::test]
async fn everything_of_an_automation_is_cancelled_what_runs_what_waits_and_what_is_queued() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::start().await;
    let waits = Graph::from("trigger-event")
        .node("pause", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .edge("start", "pause");
    let sends = Graph::from("trigger-event")
        .node(
            "send",
            "action-http",
            json!({"url": receiver.url("/act"), "timeout": 60_000}),
        )
        .edge("start", "send");
    let waiting = account.on_new_lead(&database, "waits", &waits).await;
    let running = account.on_new_lead(&database, "sends", &sends).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;
    receiver.hold();
    for n in 0..5 {
        account.lead(&database, &format!("lead {n}")).await;
    }
    receiver.have(5).await;
    for one in database.executions(waiting).await {
        database.becomes(one.id, "waiting").await;
    }
    database
        .run("UPDATE automations.settings SET value = 'true' WHERE name = 'paused'")
        .await;
    account.lead(&database, "queued").await;

    let app = database.as_tenant(account.user).await;
    let cancelled = app
        .query("SELECT m.done FROM automations.cancel_many(NULL) m", &[])
        .await
        .unwrap();

    assert_eq!(cancelled.iter().filter(|row| row.get(0)).count(), 12);
    receiver.sees_given_up(5).await;
    for automation in [waiting, running] {
        let all = database.all_ended(automation, 6).await;
        assert!(all.iter().all(|one| one.status == "cancelled"), "{all:?}");
    }
    for table in ["queue", "parked"] {
        let count = format!("SELECT count(*) FROM automations.{table}");
        assert_eq!(database.count(&count).await, 0, "{table}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn all_that_waits_for_somebody_is_resumed_by_those_who_see_it() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let stranger = Account::new(&database).await;
    let waits = Graph::from("trigger-event")
        .node("wait", "logic-wait", json!({"for": "resume"}))
        .set("got", "got", json!("{{ nodes['wait'].output.n }}"))
        .chain(&["start", "wait", "got"]);
    let asks = Graph::from("trigger-event")
        .node("ask", "logic-approval", json!({"message": "?"}))
        .set("yes", "yes", json!(true))
        .edge("start", "ask")
        .edge_from("ask", "approved", "yes");
    let waiting = account.on_new_lead(&database, "waits", &waits).await;
    let asking = account.on_new_lead(&database, "asks", &asks).await;
    let _daemon = Daemon::start(&database).await;
    for n in 0..3 {
        account.lead(&database, &format!("lead {n}")).await;
    }
    for automation in [waiting, asking] {
        end_to_end::waiting::until("three that wait", || async {
            let all = database.executions(automation).await;
            let waits = all.iter().filter(|one| one.status == "waiting").count();
            (waits == 3).then_some(())
        })
        .await;
    }
    let resume = "SELECT m.done, m.message FROM automations.resume_many(NULL, '{}', '{\"n\": 5}', $1) m";
    let done = |rows: Vec<tokio_postgres::Row>| rows.iter().filter(|row| row.get(0)).count();

    let other = database.as_tenant(stranger.user).await;
    assert!(other.query(resume, &[&None::<&str>]).await.unwrap().is_empty());
    let app = database.as_tenant(account.user).await;
    let rows = app.query(resume, &[&None::<&str>]).await.unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(done(rows), 3, "approvals need an outcome");
    for one in database.all_ended(waiting, 3).await {
        assert_eq!(one.completed().variables["got"], 5);
    }
    assert_eq!(done(app.query(resume, &[&Some("approved")]).await.unwrap()), 3);
    for one in database.all_ended(asking, 3).await {
        assert_eq!(one.completed().variables["yes"], true);
    }
    assert!(app.query(resume, &[&Some("approved")]).await.unwrap().is_empty());
}
