//! The scenes of the demonstration, in order.

use std::time::Instant;

use end_to_end::sample::{ADA, BOB, CONVERSATION};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::Stage;
use crate::ear::Ear;

/// Plays all of them.
pub async fn all(stage: &Stage, ear: &mut Ear) {
    stage
        .page
        .title("A lead goes in, its automation runs, the result is in Postgres");
    let hot = a_hot_lead(stage, ear).await;
    a_cold_lead(stage, ear).await;
    stage
        .page
        .title("A lead changes its status: a switch sends it several ways, which join again");
    a_qualified_lead(stage, ear, hot).await;
    stage
        .page
        .title("A conversation goes quiet: an automation waits, and writes again");
    a_quiet_conversation(stage, ear).await;
    stage.page.title("How long one lead takes");
    fifty_leads(stage, ear).await;
    stage.page.title("A thousand leads in one statement");
    a_thousand_leads(stage, ear).await;
    stage.page.title("Two accounts in one database");
    two_accounts(stage).await;
}

/// One column list, so that before and after can be compared.
async fn lead(stage: &Stage, id: Uuid) -> Value {
    let query = "SELECT to_jsonb(l) FROM public.leads l WHERE id = $1";
    stage.database.value::<Json<Value>>(query, &[&id]).await.0
}

async fn insert(stage: &Stage, name: &str, details: Value) -> (Uuid, Value) {
    let text = |key: &str| details[key].as_str().map(str::to_owned);
    let id = stage
        .database
        .value(
            "INSERT INTO public.leads (user_id, name, email, phone, company, source, metadata)
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
            &[
                &ADA,
                &name,
                &text("email"),
                &text("phone"),
                &text("company"),
                &text("source"),
                &Json(json!({"hook_url": stage.receiver.url("/leads"), "call_at": "2030-01-07T09:00:00Z"})),
            ],
        )
        .await;
    let before = json!({"status": "new", "score": 0, "notes": null});
    (id, before)
}

async fn show_change(stage: &Stage, id: Uuid, before: &Value) {
    let after = lead(stage, id).await;
    let after = json!({"status": after["status"], "score": after["score"], "notes": after["notes"]});
    stage.page.changed("lead", before, &after);
}

async fn a_hot_lead(stage: &Stage, ear: &mut Ear) -> Uuid {
    stage.page.does(
        "Ada",
        "INSERT INTO leads: Marie Curie, by referral, with phone and company",
    );
    let details =
        json!({"email": "marie@example.com", "phone": "+33 1 55", "company": "Radium", "source": "referral"});
    let (id, before) = insert(stage, "Marie Curie", details).await;
    // The second is started by the first: marking the lead as hot changes its status.
    ear.hear(stage, 2).await;
    show_change(stage, id, &before).await;
    for request in stage.receiver.have(1).await {
        let key = request.header("idempotency-key").unwrap_or("none").to_owned();
        stage.page.line(&format!(
            "  received {} {}: {} (key {key})",
            request.method, request.path, request.body
        ));
    }
    id
}

async fn a_cold_lead(stage: &Stage, ear: &mut Ear) {
    stage.page.does(
        "Ada",
        "INSERT INTO leads: John Doe, from the web, nothing else known",
    );
    let (id, before) = insert(stage, "John Doe", json!({"source": "web"})).await;
    ear.hear(stage, 1).await;
    show_change(stage, id, &before).await;
}

async fn a_qualified_lead(stage: &Stage, ear: &mut Ear, id: Uuid) {
    stage
        .page
        .does("Ada", "UPDATE leads SET status = 'qualified': Marie Curie");
    let old = lead(stage, id).await;
    stage
        .database
        .owner
        .execute(
            "UPDATE public.leads SET status = 'qualified' WHERE id = $1",
            &[&id],
        )
        .await
        .expect("update");
    ear.hear(stage, 1).await;
    let before = json!({"status": old["status"], "score": old["score"], "notes": old["notes"]});
    show_change(stage, id, &before).await;
    let booking: String = stage
        .database
        .value(
            "SELECT title || ', ' || start_time FROM public.bookings WHERE lead_id = $1",
            &[&id],
        )
        .await;
    stage.page.line(&format!("  booking: {booking}"));
}

async fn a_quiet_conversation(stage: &Stage, ear: &mut Ear) {
    stage.page.does(
        "Velo, Ada's agent,",
        "writes to Grace Hopper, who does not answer (a day is one second here)",
    );
    let quiet = "UPDATE public.conversations SET metadata = '{\"quiet_seconds\": 1}' WHERE id = $1";
    stage
        .database
        .owner
        .execute(quiet, &[&CONVERSATION])
        .await
        .expect("update");
    let write = "INSERT INTO public.messages (conversation_id, role, content)
        VALUES ($1, 'assistant', 'Which frame size do you ride?')";
    stage
        .database
        .owner
        .execute(write, &[&CONVERSATION])
        .await
        .expect("write");
    ear.hear(stage, 1).await;
    let messages =
        "SELECT role || ': ' || content FROM public.messages WHERE conversation_id = $1 ORDER BY created_at";
    for row in stage
        .database
        .owner
        .query(messages, &[&CONVERSATION])
        .await
        .expect("read")
    {
        stage
            .page
            .line(&format!("  message by {}", row.get::<_, &str>(0)));
    }
}

/// For information: what is measured is this machine, busy with whatever else it does.
async fn fifty_leads(stage: &Stage, ear: &mut Ear) {
    stage
        .page
        .does("Ada", "INSERT INTO leads, fifty times, one after the other");
    let mut took = Vec::new();
    for n in 1..=50 {
        let name = format!("single {n}");
        let insert = "INSERT INTO public.leads (user_id, name, source) VALUES ($1, $2, 'web')";
        let inserted = stage.database.owner.execute(insert, &[&ADA, &name]).await;
        let committed = Instant::now();
        inserted.expect("insert");
        ear.count(1).await;
        took.push(committed.elapsed());
    }
    took.sort();
    stage.page.line(&format!(
        "  from commit to the news that it completed: {:.1} ms in the median, {:.1} ms at most",
        took[took.len() / 2].as_secs_f64() * 1_000.0,
        took[took.len() - 1].as_secs_f64() * 1_000.0
    ));
}

async fn a_thousand_leads(stage: &Stage, ear: &mut Ear) {
    stage.page.does(
        "Ada",
        "INSERT INTO leads SELECT ... FROM generate_series(1, 1000)",
    );
    let began = Instant::now();
    let many = "INSERT INTO public.leads (user_id, name, source) SELECT $1, 'lead ' || n, 'fair' FROM generate_series(1, 1000) n";
    stage.database.owner.execute(many, &[&ADA]).await.expect("insert");
    let committed = began.elapsed();
    ear.count(1000).await;
    let scored = stage
        .database
        .count("SELECT count(*) FROM public.leads WHERE source = 'fair' AND score = 20")
        .await;
    stage.page.line(&format!(
        "  committed after {} ms; {scored} scored, the last one after {} ms",
        committed.as_millis(),
        began.elapsed().as_millis()
    ));
}

async fn two_accounts(stage: &Stage) {
    for (name, user) in [("Ada", ADA), ("Bob", BOB)] {
        let session = stage.database.as_tenant(user).await;
        let row = session
            .query_one(
                "SELECT (SELECT count(*) FROM public.leads), (SELECT count(*) FROM public.automations),
                        (SELECT count(*) FROM public.automation_executions)",
                &[],
            )
            .await
            .expect("count");
        let (leads, automations, executions): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        stage.page.line(&format!(
            "{name} sees {leads} leads, {automations} automations, {executions} executions"
        ));
    }
    let session = stage.database.as_tenant(BOB).await;
    let run = "SELECT automations.run((SELECT 'a0000000-0000-4000-8000-000000000041'::uuid), '{}')";
    if let Err(error) = session.query(run, &[]).await {
        let said = error
            .as_db_error()
            .map(|error| error.message().to_owned())
            .unwrap_or_default();
        stage.page.line(&format!("Bob runs Ada's automation: {said}"));
    }
}
