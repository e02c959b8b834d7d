//! What an automation's row says about its executions.

use end_to_end::{Account, Daemon, Database, Graph, waiting};
use serde_json::json;

#[tokio::test]
async fn executions_are_counted_and_the_row_looks_unedited() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note");
    let automation = account.on_new_lead(&database, "counted", &graph).await;
    let edited = "SELECT updated_at::text FROM public.automations WHERE id = $1";
    let before: String = database.value(edited, &[&automation]).await;
    let _daemon = Daemon::start(&database).await;

    for name in ["Ada", "Bob", "Eve"] {
        account.lead(&database, name).await;
    }

    database.all_ended(automation, 3).await;
    waiting::until("the three to be counted", || async {
        let count: i32 = database
            .value(
                "SELECT execution_count FROM public.automations WHERE id = $1",
                &[&automation],
            )
            .await;
        (count == 3).then_some(())
    })
    .await;
    let last: String = database
        .value(
            "SELECT last_execution_status FROM public.automations WHERE id = $1",
            &[&automation],
        )
        .await;
    assert_eq!(last, "completed");
    assert_eq!(database.value::<String>(edited, &[&automation]).await, before);
}

#[tokio::test]
async fn wait_gives_the_row_when_the_execution_is_over() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-manual")
        .set("note", "twice", json!("{{ trigger.n * 2 }}"))
        .edge("start", "note");
    let automation = account.manual(&database, "called", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let tenant = database.as_tenant(account.user).await;

    let run = "SELECT automations.run($1, '{\"n\": 21}', idempotency_key := 'once')";
    let id: uuid::Uuid = tenant.query_one(run, &[&automation]).await.unwrap().get(0);
    let again: uuid::Uuid = tenant.query_one(run, &[&automation]).await.unwrap().get(0);
    assert_eq!(id, again, "one key, one execution");
    let row = tenant
        .query_one(
            "SELECT status, (variables ->> 'twice')::int FROM automations.wait($1)",
            &[&id],
        )
        .await
        .unwrap();

    assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1)), ("completed", 42));
}

#[tokio::test]
async fn wait_in_the_transaction_that_made_the_execution_says_to_commit_first() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account
        .manual(&database, "called", &Graph::from("trigger-manual"))
        .await;
    let error = database
        .owner
        .batch_execute(&format!(
            "DO $$ BEGIN PERFORM automations.wait(automations.run('{automation}', '{{}}')); END $$"
        ))
        .await
        .expect_err("it waited for itself");
    assert!(
        error
            .as_db_error()
            .unwrap()
            .message()
            .to_lowercase()
            .contains("commit"),
        "{error:?}"
    );
}
