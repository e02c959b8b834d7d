//! What database nodes ask of their transaction: one statement each, with the tenant's identity around it.

use serde_json::Value;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use super::{TenantError, TenantTransaction, parsed};

/// What a kind of node asks, which gives a text: its own parameters first, behind them the identity's.
pub(super) struct Asking {
    /// Of one that is alone in its transaction: it leaves the tenant's role when it has its answer. Behind its own parameters: the account,
    /// the role.
    pub alone: &'static str,
    /// Of one that acts behind others: it becomes the next of the tenant first. Behind its own parameters: what `next_of_tenant` is told.
    pub behind_others: &'static str,
}

const DB: Asking = Asking {
    alone: "SELECT automations.last_of_tenant($3, automations.node_db($2, $1)::text)",
    behind_others: "SELECT automations.node_db(automations.next_of_tenant($2, $3, $4, $5, $6, $7), $1)::text",
};
const UPDATE_LEAD: Asking = Asking {
    alone: "SELECT automations.last_of_tenant($5, automations.node_update_lead($4, $1, $2, $3)::text)",
    behind_others: "SELECT automations.node_update_lead(
                        automations.next_of_tenant($4, $5, $6, $7, $8, $9), $1, $2, $3)::text",
};
const CREATE_BOOKING: Asking = Asking {
    alone: "SELECT automations.last_of_tenant($3, automations.node_create_booking($2, $1)::text)",
    behind_others: "SELECT automations.node_create_booking(
                        automations.next_of_tenant($2, $3, $4, $5, $6, $7), $1)::text",
};
const SEND_MESSAGE: Asking = Asking {
    alone: "SELECT automations.last_of_tenant($3, automations.node_send_message($2, $1)::text)",
    behind_others: "SELECT automations.node_send_message(
                        automations.next_of_tenant($2, $3, $4, $5, $6, $7), $1)::text",
};
const EMIT: Asking = Asking {
    alone: "SELECT automations.last_of_tenant($4, pg_catalog.to_json(automations.emit($1, $2, NULL, $3))::text)",
    behind_others: "SELECT pg_catalog.to_json(automations.emit(
                        $1, $2, NULL, automations.next_of_tenant($3, $4, $5, $6, $7, $8)))::text",
};

/// The same of one node, with its own parameters.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub(super) asking: &'static Asking,
    pub(super) parameters: &'a [&'a (dyn ToSql + Sync)],
}

impl TenantTransaction {
    /// `action-db`: `{"rows": [...]}`.
    pub async fn db(&self, config: &Value) -> Result<Value, TenantError> {
        self.json(&DB, &[&Json(config)]).await
    }

    /// `action-update-lead`: the row.
    pub async fn update_lead(
        &self,
        lead_id: Option<Uuid>,
        updates: &Value,
        create_if_not_exists: bool,
    ) -> Result<Value, TenantError> {
        let updates = Json(updates);
        self.json(&UPDATE_LEAD, &[&lead_id, &updates, &create_if_not_exists])
            .await
    }

    /// `action-create-booking`: the row.
    pub async fn create_booking(&self, config: &Value) -> Result<Value, TenantError> {
        self.json(&CREATE_BOOKING, &[&Json(config)]).await
    }

    /// `action-send-message`: the row.
    pub async fn send_message(&self, config: &Value) -> Result<Value, TenantError> {
        self.json(&SEND_MESSAGE, &[&Json(config)]).await
    }

    /// `action-emit`: the event's id.
    pub async fn emit(&self, event: &str, payload: &Value) -> Result<Uuid, TenantError> {
        let id = self.json(&EMIT, &[&event, &Json(payload)]).await?;
        serde_json::from_value(id).map_err(TenantError::Unreadable)
    }

    /// What it gives, which is JSON.
    async fn json(
        &self,
        asking: &'static Asking,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Value, TenantError> {
        parsed(self.act(Asked { asking, parameters }).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is called, but for the identity, and the numbers of the parameters.
    fn parts(statement: &str) -> (Vec<String>, BTreeSet<usize>) {
        let word = |text: &str| -> String {
            let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
            text.chars().take_while(is_word).collect()
        };
        let calls = statement.split("automations.").skip(1).map(word);
        let numbers = statement
            .split('$')
            .skip(1)
            .map(|rest| word(rest).parse().unwrap());
        (
            calls.filter(|call| !call.ends_with("_of_tenant")).collect(),
            numbers.collect(),
        )
    }

    #[test]
    fn a_node_asks_the_same_alone_and_behind_others_and_the_identity_has_the_parameters_behind_its_own() {
        for asking in [DB, UPDATE_LEAD, CREATE_BOOKING, SEND_MESSAGE, EMIT] {
            let (alone, behind) = (parts(asking.alone), parts(asking.behind_others));
            assert_eq!(alone.0, behind.0);
            let own = alone.1.len() - 2;
            assert_eq!(alone.1, (1..=own + 2).collect());
            assert_eq!(behind.1, (1..=own + 6).collect());
            let role_then_account = format!("next_of_tenant(${}, ${}, ", own + 1, own + 2);
            assert!(asking.behind_others.contains(&role_then_account));
            assert!(asking.alone.contains(&format!("last_of_tenant(${}, ", own + 2)));
        }
    }
}
