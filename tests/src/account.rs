//! An account with an agent, its automations and its leads: what the application of a test consists of.

use serde_json::{Value, json};
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::{Database, Graph};

/// A user who owns an agent.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// The user: owner of leads and automations.
    pub user: Uuid,
    /// The user's agent.
    pub agent: Uuid,
}

impl Account {
    /// A new one in this database.
    pub async fn new(database: &Database) -> Account {
        let user = Uuid::now_v7();
        let agent = database
            .value(
                "INSERT INTO public.agents (user_id, name) VALUES ($1, 'Agent') RETURNING id",
                &[&user],
            )
            .await;
        Account { user, agent }
    }

    /// An automation that is active and enabled.
    pub async fn automation(
        &self,
        database: &Database,
        name: &str,
        trigger_type: &str,
        trigger_config: Value,
        graph: &Graph,
    ) -> Uuid {
        self.try_automation(database, name, trigger_type, trigger_config, graph)
            .await
            .unwrap_or_else(|error| panic!("saving {name}: {error:?}"))
    }

    /// As [`Account::automation`]; the error when the graph is refused.
    pub async fn try_automation(
        &self,
        database: &Database,
        name: &str,
        trigger_type: &str,
        trigger_config: Value,
        graph: &Graph,
    ) -> Result<Uuid, tokio_postgres::Error> {
        let row = database
            .owner
            .query_one(
                "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type,
                     trigger_config, nodes, edges)
                 VALUES ($1, $2, $3, 'active', true, $4, $5, $6, $7) RETURNING id",
                &[
                    &self.user,
                    &self.agent,
                    &name,
                    &trigger_type,
                    &Json(trigger_config),
                    &Json(graph.nodes()),
                    &Json(graph.edges()),
                ],
            )
            .await?;
        Ok(row.get(0))
    }

    /// An automation for each new lead.
    pub async fn on_new_lead(&self, database: &Database, name: &str, graph: &Graph) -> Uuid {
        self.on_lead(database, name, "INSERT", graph).await
    }

    /// An automation for a kind of change of leads: INSERT, UPDATE, DELETE, any.
    pub async fn on_lead(&self, database: &Database, name: &str, event: &str, graph: &Graph) -> Uuid {
        let config = json!({"event_source": "lead", "event_type": event});
        self.automation(database, name, "event", config, graph).await
    }

    /// An automation that `run()` starts.
    pub async fn manual(&self, database: &Database, name: &str, graph: &Graph) -> Uuid {
        self.automation(database, name, "manual", json!({}), graph).await
    }

    /// A new lead.
    pub async fn lead(&self, database: &Database, name: &str) -> Uuid {
        database
            .value(
                "INSERT INTO public.leads (user_id, name) VALUES ($1, $2) RETURNING id",
                &[&self.user, &name],
            )
            .await
    }

    /// A new conversation.
    pub async fn conversation(&self, database: &Database) -> Uuid {
        database
            .value(
                "INSERT INTO public.conversations (agent_id) VALUES ($1) RETURNING id",
                &[&self.agent],
            )
            .await
    }
}
