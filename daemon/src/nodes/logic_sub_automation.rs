//! `logic-sub-automation`: starts an execution of another automation of the account, and unless told otherwise waits
//! for its end. What it gives is the other's output; a failure there is a failure here.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::outside::{Came, Child};
use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct LogicSubAutomation;

#[async_trait]
impl NodeKind for LogicSubAutomation {
    fn name(&self) -> &'static str {
        "logic-sub-automation"
    }

    fn class(&self) -> Class {
        Class::Waits
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let automation_id =
            setting::id(run.config, "automationId", None)?.ok_or_else(|| setting::missing("automationId"))?;
        let child = Child {
            automation_id,
            input: setting::given(run.config, "input")
                .cloned()
                .unwrap_or_else(|| json!({})),
            wait: setting::given(run.config, "wait").is_none() || setting::flag(run.config, "wait")?,
        };
        Ok(Done {
            child: Some(child),
            ..Done::with(Value::Null)
        })
    }

    fn arrived(&self, came: Came) -> Result<Done, NodeError> {
        let mut ended = came.payload;
        match ended.get("status").and_then(Value::as_str) {
            Some("completed") => Ok(Done::with(ended["output"].take())),
            Some(status) => Err(failure(status, &ended)),
            None => Err(NodeError::failed("how the other execution ended cannot be read")),
        }
    }
}

/// What a template reads as `nodes['id'].error`: the other's failure as it is, and where to look. A chain that is too
/// long is every execution's in it.
fn failure(status: &str, ended: &Value) -> NodeError {
    let text = |key: &str| ended.get(key).and_then(Value::as_str);
    let code = match text("error_code") {
        Some("loop_depth") => "loop_depth",
        _ => "node_failed",
    };
    let message = match (code, status, text("error")) {
        ("loop_depth", _, Some(error)) => error.to_owned(),
        (_, "cancelled", _) => "the other execution was cancelled".to_owned(),
        (_, _, Some(error)) => format!("the other execution failed: {error}"),
        _ => "the other execution failed".to_owned(),
    };
    let child = json!({
        "status": status,
        "error": ended.get("error"),
        "error_code": ended.get("error_code"),
        "executionId": ended.get("execution_id"),
    });
    NodeError::new(code, message).detail("child", child)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::outside::How;
    use super::super::tests::Run;
    use super::*;

    async fn child(config: Value) -> Result<Child, NodeError> {
        let run = Run::new("logic-sub-automation", config).names(json!({"id": Uuid::from_u128(5), "n": 1}));
        Ok(run.go(&LogicSubAutomation).await?.child.unwrap())
    }

    fn arrived(payload: Value) -> Result<Done, NodeError> {
        LogicSubAutomation.arrived(Came {
            how: How::Child,
            outcome: None,
            payload,
        })
    }

    #[tokio::test]
    async fn it_starts_the_other_with_its_rendered_input_and_waits_unless_told_otherwise() {
        let started = child(json!({"automationId": "{{ id }}", "input": {"n": "{{ n }}"}})).await;
        let expected = Child {
            automation_id: Uuid::from_u128(5),
            input: json!({"n": 1}),
            wait: true,
        };
        assert_eq!(started, Ok(expected));
        let started = child(json!({"automationId": Uuid::nil(), "wait": false}))
            .await
            .unwrap();
        assert_eq!((started.input, started.wait), (json!({}), false));
        for config in [
            json!({}),
            json!({"automationId": "welcome"}),
            json!({"automationId": "{{ gone }}"}),
        ] {
            assert_eq!(child(config).await.unwrap_err().code, "node_failed");
        }
    }

    #[test]
    fn it_gives_what_the_other_gave() {
        let done = arrived(json!({"status": "completed", "output": {"a": 1}})).unwrap();
        assert_eq!(done, Done::with(json!({"a": 1})));
        assert_eq!(
            arrived(json!({"status": "completed"})).unwrap(),
            Done::with(Value::Null)
        );
    }

    #[test]
    fn it_fails_as_the_other_did_and_says_where() {
        let error = arrived(json!({
            "status": "failed", "error": "no answer", "error_code": "timeout", "execution_id": "x",
        }))
        .unwrap_err();
        assert_eq!(error.code, "node_failed");
        assert_eq!(error.message, "the other execution failed: no answer");
        assert_eq!(
            error.details["child"],
            json!({"status": "failed", "error": "no answer", "error_code": "timeout", "executionId": "x"})
        );
        let error = arrived(json!({"status": "cancelled"})).unwrap_err();
        assert_eq!(error.message, "the other execution was cancelled");
        let deep = arrived(json!({"status": "failed", "error": "a, b, a", "error_code": "loop_depth"}));
        let deep = deep.unwrap_err();
        assert_eq!((deep.code, deep.message.as_str()), ("loop_depth", "a, b, a"));
        assert!(arrived(Value::Null).is_err());
    }
}
