//! What people and the application do while an execution waits for them: resume with a token, approve, emit an event.
//! Each once, as soon as it is asked for; what they did counts, whatever becomes of the daemon.

use std::time::Duration;

use end_to_end::receiver::Ledger;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::Client;
use tokio_postgres::types::Json;
use uuid::Uuid;

/// Until the set is dropped.
pub fn go_about(session: Client, ledger: Ledger, account: Uuid) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let asked = asked(&ledger).await;
        // before it waits, most likely
        resume(&session, &asked["resumed"], json!({"answer": 42}), None).await;
        waits(&session, "kind = 'resume'").await;
        resume(
            &session,
            &asked["approve"],
            json!({"by": "Ada"}),
            Some("approved"),
        )
        .await;
        waits(&session, "kind = 'event'").await;
        for order in [1, 4] {
            let emit = "SELECT automations.emit('paid', $1, NULL, $2)";
            let payload = Json(json!({"order": order}));
            session.query(emit, &[&payload, &account]).await.expect("emit");
        }
    });
    tasks
}

/// The body of the request that carries the tokens.
async fn asked(ledger: &Ledger) -> Value {
    loop {
        let requests = ledger.requests();
        if let Some(request) = requests.iter().find(|request| request.path == "/ask") {
            return request.json();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Until a step waits so.
async fn waits(session: &Client, how: &str) {
    let query = format!("SELECT FROM automations.waits WHERE {how} AND came IS NULL");
    while session.query(&query, &[]).await.expect("waits").is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn resume(session: &Client, token: &Value, payload: Value, outcome: Option<&str>) {
    let row = session
        .query_one(
            "SELECT automations.resume($1, $2, $3)",
            &[&token.as_str().expect("a token"), &Json(payload), &outcome],
        )
        .await
        .expect("resume");
    assert!(row.get::<_, bool>(0), "it was resumed by somebody else");
}
