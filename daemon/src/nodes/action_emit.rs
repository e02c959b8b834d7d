//! `action-emit`: an event of the account, for whoever waits for it. It is written as the tenant, in one transaction
//! with its step, so that it is emitted exactly once.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct ActionEmit;

#[async_trait]
impl NodeKind for ActionEmit {
    fn name(&self) -> &'static str {
        "action-emit"
    }

    fn class(&self) -> Class {
        Class::Tenant
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let event = setting::required_text(run.config, "event")?;
        let id = run.as_tenant()?.emit(&event, payload(run.config)).await?;
        Ok(Done::with(json!({ "eventId": id })))
    }

    fn describe(&self, config: &Value) -> Value {
        let event = setting::required_text(config, "event");
        super::described(
            self.name(),
            event.map(|event| json!({ "event": event, "payload": payload(config) })),
        )
    }
}

/// What the event brings: anything, and an empty object where nothing is said.
fn payload(config: &Value) -> &Value {
    static NOTHING: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({}));
    setting::given(config, "payload").unwrap_or(&NOTHING)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;

    #[test]
    fn in_test_mode_it_says_what_it_would_emit() {
        assert_eq!(
            ActionEmit.describe(&json!({"event": "paid", "payload": {"order": 7}})),
            json!({
                "test_mode": true, "would_run": "action-emit",
                "config": {"event": "paid", "payload": {"order": 7}},
            })
        );
        assert_eq!(
            ActionEmit.describe(&json!({"event": "paid"}))["config"]["payload"],
            json!({})
        );
        assert!(ActionEmit.describe(&json!({"event": ""}))["would_fail"].is_object());
    }

    #[tokio::test]
    async fn without_a_name_nothing_is_emitted() {
        let run = Run::new("action-emit", json!({"event": "{{ gone }}"}));
        let error = run.go(&ActionEmit).await.unwrap_err();
        assert_eq!(error.message, "event is missing or empty");
    }
}
