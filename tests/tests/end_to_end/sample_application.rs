//! The three automations of the sample application do what their names promise.

use end_to_end::sample::{ADA, CONVERSATION, GRACE, NEW_LEAD, QUIET_CONVERSATION, ROUTED_LEAD};
use end_to_end::{Daemon, Database, Execution, Receiver, waiting};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use uuid::Uuid;

/// A lead of Ada's with a phone; what `source` is decides whether it is hot.
async fn lead(database: &Database, source: &str, hook: &str) -> Uuid {
    database
        .value(
            "INSERT INTO public.leads (user_id, name, phone, source, metadata) VALUES ($1, 'Marie', '1', $2, $3)
             RETURNING id",
            &[&ADA, &source, &Json(json!({"hook_url": hook}))],
        )
        .await
}

async fn row(database: &Database, lead: Uuid) -> Value {
    let query = "SELECT to_jsonb(l) FROM public.leads l WHERE id = $1";
    database.value::<Json<Value>>(query, &[&lead]).await.0
}

fn starts_with(value: &Value, words: &str) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(words))
}

#[tokio::test]
async fn a_hot_lead_is_announced_and_marked() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    let lead = lead(&database, "referral", &receiver.url("/leads")).await;

    let execution = database.only(NEW_LEAD).await.completed();
    assert_eq!(
        execution.ran(),
        ["trigger", "score", "hot", "announce", "mark-hot"]
    );
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].json(),
        json!({"text": "Marie is hot (80)", "lead_id": lead, "score": 80, "source": "referral"})
    );
    let row = row(&database, lead).await;
    assert_eq!((&row["status"], &row["score"]), (&json!("hot"), &json!(80)));
    let written = &execution.node("mark-hot")["output"];
    assert!(starts_with(&written["notes"], "Announced at "), "{written}");
    // Marking it changed its status, which is what the third automation waits for; it knows where that came from.
    let routed = database.only(ROUTED_LEAD).await.completed();
    assert_eq!((routed.caused_by, routed.depth), (Some(execution.id), 1));
    assert_eq!(routed.variables["team"], "the desk");
}

#[tokio::test]
async fn a_hot_lead_that_cannot_be_announced_is_marked_by_way_of_the_error_edge() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    // Nobody allowed this address.
    let _daemon = Daemon::start(&database).await;

    let lead = lead(&database, "referral", &receiver.url("/leads")).await;

    let execution = database.only(NEW_LEAD).await.completed();
    assert_eq!(
        execution.path(),
        [
            "trigger:success",
            "score:success",
            "hot:success",
            "announce:failed",
            "mark-unannounced:success"
        ]
    );
    assert_eq!(execution.node("announce")["error"]["code"], "denied");
    assert!(receiver.requests().is_empty());
    database.only(ROUTED_LEAD).await.completed();
    // The routed automation noted its own way afterwards: what this one wrote is in its step.
    let row = row(&database, lead).await;
    assert_eq!((&row["status"], &row["score"]), (&json!("hot"), &json!(80)));
    let written = &execution.node("mark-unannounced")["output"];
    assert!(starts_with(&written["notes"], "Not announced: "), "{written}");
}

#[tokio::test]
async fn a_cold_lead_keeps_its_score_and_nobody_is_told() {
    let database = Database::fresh().await;
    let receiver = Receiver::start().await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    let lead = lead(&database, "web", &receiver.url("/leads")).await;

    let execution = database.only(NEW_LEAD).await.completed();
    assert_eq!(execution.ran(), ["trigger", "score", "hot", "keep-score"]);
    let row = row(&database, lead).await;
    assert_eq!((&row["status"], &row["score"]), (&json!("new"), &json!(40)));
    assert!(receiver.requests().is_empty());
    assert!(
        database.executions(ROUTED_LEAD).await.is_empty(),
        "no status changed"
    );
}

/// The agent writes, and so many seconds of silence are too many.
async fn agent_writes(database: &Database, quiet_seconds: u32) {
    database
        .owner
        .execute(
            "UPDATE public.conversations SET metadata = jsonb_build_object('quiet_seconds', $2::int) WHERE id = $1",
            &[&CONVERSATION, &i32::try_from(quiet_seconds).unwrap()],
        )
        .await
        .unwrap();
    says(database, "assistant", "Which frame size do you ride?").await;
}

async fn says(database: &Database, role: &str, content: &str) {
    database
        .owner
        .execute(
            "INSERT INTO public.messages (conversation_id, role, content) VALUES ($1, $2, $3)",
            &[&CONVERSATION, &role, &content],
        )
        .await
        .unwrap();
}

async fn messages(database: &Database) -> Vec<String> {
    let query = "SELECT role || ': ' || content FROM public.messages WHERE conversation_id = $1 ORDER BY created_at, id";
    let rows = database.owner.query(query, &[&CONVERSATION]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn conversation_status(database: &Database) -> String {
    let query = "SELECT status FROM public.conversations WHERE id = $1";
    database.value(query, &[&CONVERSATION]).await
}

#[tokio::test]
async fn a_quiet_conversation_gets_one_follow_up() {
    let database = Database::fresh().await;
    let _daemon = Daemon::start(&database).await;

    agent_writes(&database, 1).await;

    let execution = database.only(QUIET_CONVERSATION).await.completed();
    assert_eq!(
        execution.ran(),
        ["trigger", "quiet", "still-quiet", "mark", "follow-up"]
    );
    let messages = messages(&database).await;
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(
        messages[1],
        "assistant: Hello Grace Hopper, is there anything else that you would like to know?"
    );
    assert_eq!(conversation_status(&database).await, "followed_up");
    // Its own message touched the conversation, and starts nothing.
    database.idle().await;
    assert_eq!(database.executions(QUIET_CONVERSATION).await.len(), 1);
}

#[tokio::test]
async fn an_answered_conversation_gets_no_follow_up() {
    let database = Database::fresh().await;
    let _daemon = Daemon::start(&database).await;

    agent_writes(&database, 3).await;
    let waits = || async {
        let all = database.executions(QUIET_CONVERSATION).await;
        all.into_iter().find(|execution| execution.status == "waiting")
    };
    waiting::until("the execution to wait", waits).await;
    says(&database, "user", "54").await;

    let execution = database.only(QUIET_CONVERSATION).await.completed();
    assert_eq!(execution.ran(), ["trigger", "quiet", "still-quiet", "answered"]);
    assert_eq!(execution.output, json!({"followed_up": false}));
    assert_eq!(messages(&database).await.len(), 2);
    assert_eq!(conversation_status(&database).await, "open");
}

async fn routed(database: &Database, status: &str) -> Execution {
    let _daemon = Daemon::start(database).await;
    let update = "UPDATE public.leads SET status = $2, metadata = metadata || $3 WHERE id = $1";
    let call_at = Json(json!({"call_at": "2030-01-07T09:00:00Z"}));
    database
        .owner
        .execute(update, &[&GRACE, &status, &call_at])
        .await
        .unwrap();
    let execution = database.only(ROUTED_LEAD).await.completed();
    let notes = row(database, GRACE).await["notes"].clone();
    let team = execution.variables["team"].as_str().unwrap();
    assert_eq!(notes, format!("contacted -> {status}: sent to {team}"));
    assert_eq!(execution.ran().iter().filter(|node| *node == "join").count(), 1);
    execution
}

#[tokio::test]
async fn a_qualified_lead_gets_a_booking_and_goes_to_sales() {
    let database = Database::fresh().await;
    let execution = routed(&database, "qualified").await;
    assert_eq!(execution.variables["team"], "sales");
    let booking = "SELECT count(*) FROM public.bookings WHERE lead_id = $1 AND user_id = $2
        AND title = 'Call with Grace Hopper' AND start_time = '2030-01-07T09:00:00Z' AND duration_minutes = 30";
    assert_eq!(database.value::<i64>(booking, &[&GRACE, &ADA]).await, 1);
    assert_eq!(database.count("SELECT count(*) FROM public.bookings").await, 1);
    assert_eq!(conversation_status(&database).await, "open");
}

#[tokio::test]
async fn a_lead_that_is_won_goes_to_customer_care_and_its_conversations_are_closed() {
    let database = Database::fresh().await;
    let execution = routed(&database, "won").await;
    assert_eq!(execution.variables["team"], "customer care");
    assert_eq!(conversation_status(&database).await, "closed");
    assert_eq!(database.count("SELECT count(*) FROM public.bookings").await, 0);
}

#[tokio::test]
async fn a_lead_that_is_lost_goes_to_nobody_and_its_conversations_are_closed() {
    let database = Database::fresh().await;
    let execution = routed(&database, "lost").await;
    assert_eq!(execution.variables["team"], "nobody");
    assert_eq!(conversation_status(&database).await, "closed");
}

#[tokio::test]
async fn any_other_status_goes_to_the_desk() {
    let database = Database::fresh().await;
    let execution = routed(&database, "hot").await;
    assert_eq!(execution.variables["team"], "the desk");
    assert_eq!(execution.ran(), ["trigger", "route", "to-desk", "join", "note"]);
    assert_eq!(conversation_status(&database).await, "open");
}
