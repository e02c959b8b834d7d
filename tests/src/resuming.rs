//! Resuming what waits and emitting events, as the back end of an application does it for a signed-in user.

use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::{Database, Receiver};

impl Database {
    /// `automations.resume(...)` as a user.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn resume(&self, user: Uuid, token: &str, payload: Value) -> bool {
        let resumed = self.try_resume(user, token, payload, None).await;
        resumed.unwrap_or_else(|error| panic!("resume: {error:?}"))
    }

    /// `automations.resume(...)` of an approval.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn decide(&self, user: Uuid, token: &str, outcome: &str, payload: Value) -> bool {
        let resumed = self.try_resume(user, token, payload, Some(outcome)).await;
        resumed.unwrap_or_else(|error| panic!("resume: {error:?}"))
    }

    /// The same, with what the database says when it refuses.
    pub async fn try_resume(
        &self,
        user: Uuid,
        token: &str,
        payload: Value,
        outcome: Option<&str>,
    ) -> Result<bool, tokio_postgres::Error> {
        let tenant = self.as_tenant(user).await;
        let row = tenant
            .query_one(
                "SELECT automations.resume($1, $2, $3)",
                &[&token, &Json(payload), &outcome],
            )
            .await?;
        row.try_get(0)
    }

    /// `automations.emit(...)` as a user.
    pub async fn emit(&self, user: Uuid, event: &str, payload: Value) -> Uuid {
        let tenant = self.as_tenant(user).await;
        let row = tenant
            .query_one("SELECT automations.emit($1, $2)", &[&event, &Json(payload)])
            .await;
        row.unwrap_or_else(|error| panic!("emit {event}: {error:?}"))
            .get(0)
    }

    /// Rows that say what is waited for.
    pub async fn waits(&self) -> i64 {
        self.count("SELECT count(*) FROM automations.waits").await
    }
}

impl Receiver {
    /// The tokens that came in so far, `{"token": ...}` in the body, in their order.
    pub async fn tokens(&self, count: usize) -> Vec<String> {
        let requests = self.have(count).await;
        let token = |body: Value| body["token"].as_str().map(str::to_owned);
        let tokens: Vec<String> = requests
            .iter()
            .filter_map(|request| token(request.json()))
            .collect();
        assert!(tokens.len() >= count, "{requests:?}");
        tokens
    }
}
