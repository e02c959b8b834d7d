//! A changed row becomes an execution: insert, update, delete, and what the trigger data holds.

use end_to_end::{Account, Daemon, Database, Graph, waiting};
use serde_json::json;

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .edge("start", "note")
}

#[tokio::test]
async fn an_inserted_lead_runs_its_automation() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "welcome", &note()).await;
    let _daemon = Daemon::start(&database).await;

    let lead = account.lead(&database, "Ada").await;

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.path(), ["start:success", "note:success"]);
    assert_eq!(execution.variables["who"], "Ada");
    assert_eq!(execution.lead_id, Some(lead));
    assert_eq!(execution.version, Some(1));
    let data = &execution.trigger_data;
    assert_eq!(
        (&data["event"], &data["source"], &data["table"]),
        (&json!("INSERT"), &json!("lead"), &json!("leads"))
    );
    assert_eq!(data["new"]["id"], json!(lead));
    assert!(data["old"].is_null());
}

#[tokio::test]
async fn an_updated_lead_shows_old_and_new_and_what_changed() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_lead(&database, "changed", "UPDATE", &note()).await;
    let lead = account.lead(&database, "Ada").await;
    let _daemon = Daemon::start(&database).await;

    database
        .owner
        .execute("UPDATE public.leads SET status = 'won' WHERE id = $1", &[&lead])
        .await
        .unwrap();

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.trigger_data["old"]["status"], "new");
    assert_eq!(execution.trigger_data["new"]["status"], "won");
    let changed = execution.trigger_data["changed"].as_array().unwrap();
    assert!(
        changed.contains(&json!("status")) && !changed.contains(&json!("name")),
        "{changed:?}"
    );
}

#[tokio::test]
async fn a_deleted_lead_runs_its_automation_without_a_lead() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.old.name }}"))
        .edge("start", "note");
    let automation = account.on_lead(&database, "gone", "DELETE", &graph).await;
    let lead = account.lead(&database, "Ada").await;
    let _daemon = Daemon::start(&database).await;

    database
        .owner
        .execute("DELETE FROM public.leads WHERE id = $1", &[&lead])
        .await
        .unwrap();

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.variables["who"], "Ada");
    assert_eq!(execution.lead_id, None);
    assert!(execution.trigger_data["new"].is_null());
}

#[tokio::test]
async fn only_changes_of_the_named_columns_that_meet_the_conditions_run() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let config = json!({
        "event_source": "lead", "event_type": "UPDATE", "columns": ["score"],
        "conditions": {"rules": [{"field": "new.score", "operator": "gte", "value": 50}]},
    });
    let automation = account
        .automation(&database, "hot", "event", config, &note())
        .await;
    let lead = account.lead(&database, "Ada").await;
    let _daemon = Daemon::start(&database).await;

    for change in ["score = 10", "status = 'contacted'", "score = 60"] {
        let update = format!("UPDATE public.leads SET {change} WHERE id = $1");
        database.owner.execute(&update, &[&lead]).await.unwrap();
    }

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.trigger_data["new"]["score"], 60);
}

#[tokio::test]
async fn a_new_conversation_belongs_to_the_owner_of_its_agent() {
    let database = Database::fresh().await;
    let (account, other) = (Account::new(&database).await, Account::new(&database).await);
    let config = json!({"event_source": "conversation", "event_type": "INSERT"});
    let graph = Graph::from("trigger-event")
        .set("note", "mine", json!(true))
        .edge("start", "note");
    let mine = account
        .automation(&database, "mine", "event", config.clone(), &graph)
        .await;
    let others = other
        .automation(&database, "theirs", "event", config, &graph)
        .await;
    let _daemon = Daemon::start(&database).await;

    account.conversation(&database).await;

    database.only(mine).await.completed();
    database.idle().await;
    assert!(database.executions(others).await.is_empty());
}

#[tokio::test]
async fn a_table_of_the_applications_own_can_be_a_source() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE TABLE public.\"Odd Orders\" (\"No\" integer, \"owner\" uuid, \"list of\" text[]);
             SELECT automations.watch('public.\"Odd Orders\"', 'order', 'owner')",
        )
        .await;
    let graph = Graph::from("trigger-event")
        .set("note", "no", json!("{{ trigger.new.No }}"))
        .edge("start", "note");
    let config = json!({"event_source": "order", "event_type": "INSERT"});
    let automation = account
        .automation(&database, "orders", "event", config, &graph)
        .await;
    let _daemon = Daemon::start(&database).await;

    database
        .owner
        .execute(
            "INSERT INTO public.\"Odd Orders\" VALUES (7, $1, '{a,b}')",
            &[&account.user],
        )
        .await
        .unwrap();

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.variables["no"], 7);
    assert_eq!(execution.trigger_data["new"]["list of"], json!(["a", "b"]));
}

#[tokio::test]
async fn a_thousand_leads_in_one_statement_all_complete() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "each", &note()).await;
    let _daemon = Daemon::start(&database).await;

    database
        .owner
        .execute(
            "INSERT INTO public.leads (user_id, name) SELECT $1, 'lead ' || n FROM generate_series(1, 1000) n",
            &[&account.user],
        )
        .await
        .unwrap();

    let all = database.all_ended(automation, 1000).await;
    assert!(all.iter().all(|execution| execution.status == "completed"));
    let leads: i64 = database
        .count("SELECT count(DISTINCT lead_id) FROM public.automation_executions")
        .await;
    assert_eq!(leads, 1000);
    let counted = "SELECT execution_count::bigint FROM public.automations WHERE id = $1";
    waiting::until("the thousand to be counted", || async {
        let count: i64 = database.value(counted, &[&automation]).await;
        (count == 1000).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_inserted_while_no_daemon_ran_is_done_when_one_starts() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "later", &note()).await;
    account.lead(&database, "Ada").await;
    assert!(
        database.executions(automation).await.is_empty(),
        "only the queue knows it yet"
    );

    let _daemon = Daemon::start(&database).await;

    database.only(automation).await.completed();
}

#[tokio::test]
async fn an_insert_that_is_rolled_back_never_happened() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "welcome", &note()).await;
    let _daemon = Daemon::start(&database).await;

    database.run("BEGIN").await;
    account.lead(&database, "nobody").await;
    database.run("ROLLBACK").await;
    account.lead(&database, "Ada").await;

    assert_eq!(
        database.only(automation).await.completed().variables["who"],
        "Ada"
    );
}
