//! An automation that fails too often in a row is set to `error`: it goes on capturing and runs nothing until a person
//! sets it active again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, Database, Graph, Receiver, waiting};
use serde_json::json;

#[tokio::test]
async fn what_fails_too_often_stops_and_captures_on_until_it_is_active_again() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let mended = Arc::new(AtomicBool::new(false));
    let answer = mended.clone();
    let receiver = Receiver::answering(move |_| match answer.load(Ordering::SeqCst) {
        true => Reply::status(200),
        false => Reply::status(500),
    })
    .await;
    let graph = Graph::from("trigger-event")
        .node(
            "send",
            "action-http",
            json!({"method": "POST", "url": receiver.url("/act")}),
        )
        .edge("start", "send");
    let automation = account.on_new_lead(&database, "fails", &graph).await;
    database
        .run(&format!(
            "UPDATE public.automations SET options = '{{\"error_limit\": 3}}' WHERE id = '{automation}'"
        ))
        .await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let state = "SELECT concat_ws(' ', status, failures_in_a_row, status_reason) FROM public.automations WHERE id = $1";
    for n in 1..=3 {
        account.lead(&database, &format!("lead {n}")).await;
        database.all_ended(automation, n).await;
    }
    assert_eq!(
        database.value::<String>(state, &[&automation]).await,
        "error 3 error_limit: 3 executions in a row failed"
    );

    account.lead(&database, "captured").await;
    let queued = "SELECT count(*) FROM automations.pending WHERE automation_id = $1";
    assert_eq!(database.value::<i64>(queued, &[&automation]).await, 1);
    let error = database
        .owner
        .query_one("SELECT automations.run($1, '{}')", &[&automation])
        .await
        .unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("55000"));

    mended.store(true, Ordering::SeqCst);
    database
        .run(&format!(
            "UPDATE public.automations SET status = 'active' WHERE id = '{automation}'"
        ))
        .await;
    let all = database.all_ended(automation, 4).await;
    assert_eq!(all.last().map(|last| last.status.as_str()), Some("completed"));
    assert_eq!(
        receiver.requests().len(),
        4,
        "it was not tried while it was in error"
    );
    assert_eq!(database.value::<String>(state, &[&automation]).await, "active 0");
}

#[tokio::test]
async fn while_somebody_edits_the_automation_failures_are_counted_later() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::answering(|_| Reply::status(500)).await;
    let graph = Graph::from("trigger-manual")
        .node("send", "action-http", json!({"url": receiver.url("/act")}))
        .edge("start", "send");
    let automation = account.manual(&database, "edited", &graph).await;
    database
        .run(&format!(
            "UPDATE public.automations SET options = '{{\"error_limit\": 2}}' WHERE id = '{automation}'"
        ))
        .await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;
    let ids = [
        database.start(automation, json!({})).await,
        database.start(automation, json!({})).await,
    ];
    let other = database.another_session().await;
    other.batch_execute("BEGIN").await.unwrap();
    other
        .execute(
            "UPDATE public.automations SET name = 'being edited' WHERE id = $1",
            &[&automation],
        )
        .await
        .unwrap();
    for id in ids {
        database.ended(id).await.failed("node_failed");
    }
    other.batch_execute("COMMIT").await.unwrap();

    let fold = "SELECT automations.fold_uncounted()";
    let state = "SELECT status FROM public.automations WHERE id = $1";
    waiting::until("the automation in error", || async {
        database.value::<i32>(fold, &[]).await;
        (database.value::<String>(state, &[&automation]).await == "error").then_some(())
    })
    .await;
    let name: String = database
        .value(
            "SELECT name FROM public.automations WHERE id = $1",
            &[&automation],
        )
        .await;
    assert_eq!(name, "being edited");
}
