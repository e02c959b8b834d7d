//! One claimed execution: what is known about it when its walk begins and never changes while it lasts.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::queue::claim::Claimed;

/// A claimed execution. Its trigger data is parsed; what the graph is comes from its definition.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The id in `public.automation_executions`.
    pub id: Uuid,
    /// The owner's user id (DESIGN D11).
    pub account_id: Uuid,
    /// The automation that runs.
    pub automation_id: Uuid,
    /// The version it runs: a draft in test mode has one too.
    pub version: Option<i32>,
    /// The agent of the automation, `env.agent_id` in templates.
    pub agent_id: Option<Uuid>,
    /// How it was started: `event`, `schedule`, `manual`, `ai_tool`, `webhook`.
    pub trigger_type: String,
    /// The trigger data, `trigger` in templates.
    pub trigger: Arc<Value>,
    /// The lead it is about.
    pub lead_id: Option<Uuid>,
    /// The conversation it is about.
    pub conversation_id: Option<Uuid>,
    /// Length of the chain of executions that caused this one (D12).
    pub depth: i16,
    /// Describes instead of acting.
    pub test_mode: bool,
    /// When its occurrence was; by the database's clock, so never compared with local time.
    pub started_at: DateTime<Utc>,
}

impl Execution {
    /// What a claim gave, with what its definition and its trigger data add.
    pub fn new(claimed: &Claimed, agent_id: Option<Uuid>, trigger: Arc<Value>) -> Execution {
        Execution {
            id: claimed.claim.id,
            account_id: claimed.claim.account_id,
            automation_id: claimed.automation_id,
            version: claimed.version,
            agent_id,
            trigger_type: claimed.trigger_type.clone(),
            trigger,
            lead_id: claimed.lead_id,
            conversation_id: claimed.conversation_id,
            depth: claimed.depth,
            test_mode: claimed.test_mode,
            started_at: claimed.started_at,
        }
    }
}
