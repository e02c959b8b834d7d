//! Sessions that call what a daemon calls, on one execution that waits.

use end_to_end::{Account, Database, Graph, waiting};
use flow::{ResumeSecret, ResumeToken, TokenKind};
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// An account whose one automation is run by hand, by sessions of the owner that play the daemon.
pub struct Stage {
    pub database: Database,
    pub account: Account,
    automation: Uuid,
    secret: ResumeSecret,
}

/// An execution that a session has in hand, and the step of it that waits.
#[derive(Clone, Copy)]
pub struct Held {
    pub id: Uuid,
    pub token: Uuid,
    pub step: Uuid,
}

impl Stage {
    pub async fn set() -> Stage {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        let automation = account
            .manual(&database, "waits", &Graph::from("trigger-manual"))
            .await;
        let secret: String = database.value("SELECT automations.token_secret()", &[]).await;
        Stage {
            database,
            account,
            automation,
            secret: ResumeSecret::from_hex(&secret).unwrap(),
        }
    }

    /// A new execution, claimed.
    pub async fn held(&self) -> Held {
        let id: Uuid = self
            .database
            .value("SELECT automations.run($1)", &[&self.automation])
            .await;
        self.claimed(&self.database.owner, id).await
    }

    /// Claims this execution, as soon as that is possible.
    pub async fn claimed(&self, session: &Client, id: Uuid) -> Held {
        let token = Uuid::now_v7();
        waiting::until("the claim", || async {
            let rows = session
                .query(
                    "SELECT id FROM automations.claim($1, 100, 600000) WHERE id = $2",
                    &[&token, &id],
                )
                .await
                .unwrap();
            (!rows.is_empty()).then_some(())
        })
        .await;
        let step = Uuid::new_v5(&id, b"step");
        Held { id, token, step }
    }

    pub async fn park(&self, session: &Client, held: Held, wait: Value, wake_in_ms: Option<i64>) -> bool {
        let step = json!([{"node_id": "w", "run": 1, "status": "parked", "idempotency_key": held.step,
            "wait": wait, "wake_in_ms": wake_in_ms}]);
        let step = Json(step);
        let statement = "SELECT automations.park($1, $2, $3, $4, $5, '[]', '{}')";
        let user = &self.account.user;
        let parameters: [&(dyn ToSql + Sync); 5] = [user, &held.id, &held.token, &wake_in_ms, &step];
        while_locked(session, statement, &parameters)
            .await
            .unwrap()
            .get(0)
    }

    pub async fn waited(&self, session: &Client, held: Held) -> Vec<String> {
        let rows = session
            .query(
                "SELECT came FROM automations.waited($1, $2, $3)",
                &[&self.account.user, &held.id, &held.token],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn finish(&self, session: &Client, held: Held) -> Result<i64, tokio_postgres::Error> {
        let statement =
            "SELECT count(*) FROM automations.finish(ARRAY[$1::uuid], ARRAY[$2::uuid], ARRAY[$3::uuid],
                     '[{\"status\": \"completed\"}]')";
        let parameters: [&(dyn ToSql + Sync); 3] = [&self.account.user, &held.id, &held.token];
        Ok(while_locked(session, statement, &parameters).await?.get(0))
    }

    pub fn token(&self, held: Held) -> String {
        let token = ResumeToken {
            kind: TokenKind::Wait,
            execution: held.id,
            step: held.step,
        };
        token.sign(&self.secret)
    }

    /// Starts a child that the step waits for.
    pub async fn child(&self, session: &Client, held: Held) -> Uuid {
        let row = session
            .query_one(
                "SELECT child_id FROM automations.start_child($1, $2, $3, $4, $5, '{}', true)",
                &[
                    &self.account.user,
                    &held.id,
                    &held.token,
                    &held.step,
                    &self.automation,
                ],
            )
            .await
            .unwrap();
        row.get(0)
    }

    pub async fn status(&self, id: Uuid) -> String {
        self.database
            .value(
                "SELECT status FROM public.automation_executions WHERE id = $1",
                &[&id],
            )
            .await
    }

    /// Rows that are left of what waits or runs.
    /// What should have gone with the executions, one line each.
    pub async fn rows_left(&self) -> Vec<String> {
        let query = "SELECT 'waits ' || w::text FROM automations.waits w
                     UNION ALL SELECT 'parked ' || p::text FROM automations.parked p
                     UNION ALL SELECT 'queue ' || q::text FROM automations.queue q";
        let rows = self.database.owner.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn unpark(&self) {
        self.database.run("SELECT automations.unpark(1000)").await;
    }
}

pub async fn resume(session: &Client, token: &str) -> bool {
    let row = session
        .query_one("SELECT automations.resume($1)", &[&token])
        .await;
    row.unwrap().get(0)
}

/// Asks again where somebody has locked the queue row for a moment, as the daemon does.
async fn while_locked(
    session: &Client,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Row, tokio_postgres::Error> {
    loop {
        match session.query_one(statement, parameters).await {
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {}
            answer => return answer,
        }
        tokio::task::yield_now().await;
    }
}
