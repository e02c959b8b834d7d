//! `action-update-lead`: changes columns of a lead, as the tenant; the execution's lead unless one is named.

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct ActionUpdateLead;

#[async_trait]
impl NodeKind for ActionUpdateLead {
    fn name(&self) -> &'static str {
        "action-update-lead"
    }

    fn class(&self) -> Class {
        Class::Tenant
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let call = Call::read(run.config, run.execution.lead_id)?;
        if call.lead_id.is_none() && !call.create {
            return Err(NodeError::failed(
                "there is no lead to update: the execution has none and leadId is empty",
            ));
        }
        let row = run
            .as_tenant()?
            .update_lead(call.lead_id, call.updates, call.create)
            .await?;
        Ok(Done::with(row))
    }

    fn describe(&self, config: &Value) -> Value {
        let call = Call::read(config, None).map(|call| {
            json!({ "leadId": call.lead_id, "updates": call.updates, "createIfNotExists": call.create })
        });
        super::described(self.name(), call)
    }
}

struct Call<'a> {
    lead_id: Option<Uuid>,
    updates: &'a Value,
    create: bool,
}

impl Call<'_> {
    fn read(config: &Value, own: Option<Uuid>) -> Result<Call<'_>, NodeError> {
        let updates = setting::given(config, "updates").ok_or_else(|| setting::missing("updates"))?;
        if !updates.is_object() {
            return Err(setting::wrong("updates", "an object", updates));
        }
        let lead_id = setting::id(config, "leadId", own)?;
        Ok(Call {
            lead_id,
            updates,
            create: setting::flag(config, "createIfNotExists")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;

    #[test]
    fn the_executions_lead_is_used_unless_one_is_named() {
        let (own, named) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let lead = |config: Value| Call::read(&config, Some(own)).map(|call| call.lead_id);
        assert_eq!(lead(json!({"updates": {}})), Ok(Some(own)));
        assert_eq!(lead(json!({"updates": {}, "leadId": ""})), Ok(Some(own)));
        assert_eq!(lead(json!({"updates": {}, "leadId": named})), Ok(Some(named)));
        assert!(lead(json!({"updates": {}, "leadId": "x"})).is_err());
        assert!(lead(json!({"updates": [1]})).is_err());
        assert!(lead(json!({})).is_err());
    }

    #[tokio::test]
    async fn without_any_lead_it_says_so() {
        let error = Run::new("action-update-lead", json!({"updates": {"a": 1}}))
            .go(&ActionUpdateLead)
            .await;
        assert!(
            error
                .unwrap_err()
                .message
                .starts_with("there is no lead to update")
        );
    }
}
