//! Rows of any width: the application's insert never fails, whatever becomes of the automation.

use end_to_end::{Account, Daemon, Database, Execution, Graph};
use serde_json::json;

async fn lead_with_notes(characters: usize) -> Execution {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "name", json!("{{ lead.name }}"))
        .edge("start", "note");
    let automation = account.on_new_lead(&database, "wide", &graph).await;
    let _daemon = Daemon::start(&database).await;
    let notes = "x".repeat(characters);
    let insert = "INSERT INTO public.leads (user_id, name, notes) VALUES ($1, 'wide', $2)";
    database
        .owner
        .execute(insert, &[&account.user, &notes])
        .await
        .unwrap();
    database.only(automation).await
}

#[tokio::test]
async fn a_lead_of_9000_characters_is_inserted_and_its_automation_runs() {
    let execution = lead_with_notes(9_000).await.completed();
    assert_eq!(
        execution.trigger_data["new"]["notes"].as_str().map(str::len),
        Some(9_000)
    );
}

#[tokio::test]
async fn a_lead_of_900000_characters_is_inserted_and_its_automation_runs() {
    let execution = lead_with_notes(900_000).await.completed();
    assert_eq!(
        execution.trigger_data["new"]["notes"].as_str().map(str::len),
        Some(900_000)
    );
}

#[tokio::test]
async fn trigger_data_of_a_megabyte_works() {
    lead_with_notes(1_000_000).await.completed();
}

#[tokio::test]
async fn a_lead_of_more_than_a_mebibyte_is_inserted_and_its_execution_ends_with_too_large() {
    lead_with_notes(1_100_000).await.failed("too_large");
}
