//! What database nodes ask of their transaction: one statement each.

use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{TenantError, TenantTransaction};

impl TenantTransaction {
    /// `action-db`: `{"rows": [...]}`.
    pub async fn db(&self, config: &Value) -> Result<Value, TenantError> {
        self.json(
            "SELECT automations.node_db($1, $2)::text",
            &[self.account(), &Json(config)],
        )
        .await
    }

    /// `action-update-lead`: the row.
    pub async fn update_lead(
        &self,
        lead_id: Option<Uuid>,
        updates: &Value,
        create_if_not_exists: bool,
    ) -> Result<Value, TenantError> {
        self.json(
            "SELECT automations.node_update_lead($1, $2, $3, $4)::text",
            &[self.account(), &lead_id, &Json(updates), &create_if_not_exists],
        )
        .await
    }

    /// `action-create-booking`: the row.
    pub async fn create_booking(&self, config: &Value) -> Result<Value, TenantError> {
        let account = self.account();
        self.json(
            "SELECT automations.node_create_booking($1, $2)::text",
            &[account, &Json(config)],
        )
        .await
    }

    /// `action-send-message`: the row.
    pub async fn send_message(&self, config: &Value) -> Result<Value, TenantError> {
        let account = self.account();
        self.json(
            "SELECT automations.node_send_message($1, $2)::text",
            &[account, &Json(config)],
        )
        .await
    }

    /// `action-emit`: the event's id.
    pub async fn emit(&self, event: &str, payload: &Value) -> Result<Uuid, TenantError> {
        let account = self.account();
        let sql = "SELECT automations.emit($1, $2, NULL, $3)";
        let row = self.act(sql, &[&event, &Json(payload), account]).await?;
        Ok(row.try_get(0)?)
    }
}
