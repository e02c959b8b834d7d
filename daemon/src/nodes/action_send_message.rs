//! `action-send-message`: a row in the messages of a conversation, as the tenant; sending it on is the
//! application's work. `automations.settings` names table and columns.

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct ActionSendMessage;

#[async_trait]
impl NodeKind for ActionSendMessage {
    fn name(&self) -> &'static str {
        "action-send-message"
    }

    fn class(&self) -> Class {
        Class::Tenant
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let call = call(run.config, run.execution.conversation_id)?;
        if call.get("conversationId").is_none_or(Value::is_null) {
            return Err(NodeError::failed(
                "there is no conversation: the execution has none and conversationId is empty",
            ));
        }
        Ok(Done::with(run.as_tenant()?.send_message(&call).await?))
    }

    fn describe(&self, config: &Value) -> Value {
        super::described(self.name(), call(config, None))
    }
}

/// What `automations.node_send_message` is told.
fn call(config: &Value, own_conversation: Option<Uuid>) -> Result<Value, NodeError> {
    let content = setting::given(config, "content").ok_or_else(|| setting::missing("content"))?;
    Ok(json!({
        "conversationId": setting::id(config, "conversationId", own_conversation)?,
        "content": setting::as_text(content),
        "role": setting::text(config, "role")?.unwrap_or_else(|| "assistant".to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;

    #[test]
    fn a_message_is_made_plain() {
        let own = Uuid::from_u128(1);
        let expected = json!({"conversationId": own, "content": "Hello", "role": "assistant"});
        assert_eq!(
            call(&json!({"content": "Hello", "role": ""}), Some(own)),
            Ok(expected)
        );
        let named = Uuid::from_u128(2);
        let expected = json!({"conversationId": named, "content": "[1]", "role": "user"});
        let config = json!({"content": [1], "role": "user", "conversationId": named});
        assert_eq!(call(&config, Some(own)), Ok(expected));
        assert_eq!(
            call(&json!({}), None).unwrap_err().message,
            "content is missing or empty"
        );
    }

    #[tokio::test]
    async fn without_any_conversation_it_says_so() {
        let error = Run::new("action-send-message", json!({"content": "Hello"}))
            .go(&ActionSendMessage)
            .await;
        assert!(error.unwrap_err().message.starts_with("there is no conversation"));
    }
}
