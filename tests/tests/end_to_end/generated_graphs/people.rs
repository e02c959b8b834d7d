//! People who approve and reject what waits for them, in an order that has nothing to do with the order in which it
//! began to wait.

use std::time::Duration;

use end_to_end::Database;
use flow::{ResumeSecret, ResumeToken, TokenKind};
use tokio::task::JoinSet;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::random::hash;

/// Until the set is dropped.
pub async fn decide(database: &Database) -> JoinSet<()> {
    let secret: String = database
        .value("SELECT secret FROM automations.token_secret", &[])
        .await;
    let secret = ResumeSecret::from_hex(&secret).expect("the secret of the tokens");
    let session = database.another_session().await;
    let mut people = JoinSet::new();
    people.spawn(async move {
        let waiting =
            "SELECT execution_id, step_key FROM automations.waits WHERE kind = 'resume' AND came IS NULL";
        loop {
            let rows = session.query(waiting, &[]).await.expect("waits");
            let mut waiting: Vec<(Uuid, Uuid)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            waiting.sort_by_key(|(_, step)| hash(&step.to_string()));
            for (execution, step) in waiting {
                let token = ResumeToken {
                    kind: TokenKind::Approval,
                    execution,
                    step,
                };
                let outcome = match (hash(&step.to_string()) >> 16).is_multiple_of(2) {
                    true => "approved",
                    false => "rejected",
                };
                let resume = "SELECT automations.resume($1, $2, $3)";
                let token = token.sign(&secret);
                // false: it was cancelled meanwhile
                let payload = Json(serde_json::json!({}));
                session
                    .query(resume, &[&token, &payload, &outcome])
                    .await
                    .expect("resume");
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
    people
}
