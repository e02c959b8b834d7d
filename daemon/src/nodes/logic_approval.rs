//! `logic-approval`: waits in the database until a person decides, or for as long as it may. What the person reads is
//! its output while it waits.

use async_trait::async_trait;
use flow::Outcome;
use serde_json::{Value, json};

use super::outside::{Came, How, Wait};
use super::{Class, Done, NodeError, NodeKind, NodeRun, Park, setting, span};

/// The node type.
pub struct LogicApproval;

/// Its handles, which are what can be decided.
const HANDLES: [&str; 3] = ["approved", "rejected", "timeout"];

#[async_trait]
impl NodeKind for LogicApproval {
    fn name(&self) -> &'static str {
        "logic-approval"
    }

    fn class(&self) -> Class {
        Class::Waits
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let message = setting::given(run.config, "message").map(setting::as_text);
        Ok(Done {
            park: Some(Park {
                wake_in: span::given(run.config, "timeout")?,
                wait: Some(Wait::Resume),
            }),
            ..Done::with(json!({ "message": message }))
        })
    }

    fn arrived(&self, came: Came) -> Result<Done, NodeError> {
        if came.how == How::Timeout {
            return Ok(Done::chose(json!({ "outcome": "timeout" }), "timeout"));
        }
        let decided = came.outcome.unwrap_or_default();
        if !HANDLES.contains(&decided.as_str()) {
            return Err(NodeError::failed(
                "what was decided is neither approved nor rejected",
            ));
        }
        Ok(Done::chose(came.payload, decided))
    }

    fn pinned(&self, output: &Value) -> Outcome {
        let named = output.get("outcome").and_then(Value::as_str);
        let handle = named
            .filter(|named| HANDLES.contains(named))
            .unwrap_or("approved");
        Outcome::Chose(vec![handle.to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Run, chosen};
    use super::*;

    #[tokio::test]
    async fn its_message_is_what_people_read_while_it_waits() {
        for (config, output) in [
            (
                json!({"message": "Call {{ name }}?"}),
                json!({"message": "Call Ada?"}),
            ),
            (json!({"message": "{{ list }}"}), json!({"message": "[1]"})),
            (json!({}), json!({"message": null})),
        ] {
            let run = Run::new("logic-approval", config).names(json!({"name": "Ada", "list": [1]}));
            let done = run.go(&LogicApproval).await.unwrap();
            assert_eq!(*done.output, output);
            assert_eq!(done.park.unwrap().wait, Some(Wait::Resume));
        }
    }

    #[test]
    fn it_leaves_by_what_was_decided() {
        let came = |how, outcome: Option<&str>| {
            LogicApproval.arrived(Came {
                how,
                outcome: outcome.map(str::to_owned),
                payload: json!({"payload": 1}),
            })
        };
        for outcome in ["approved", "rejected"] {
            let done = came(How::Resumed, Some(outcome)).unwrap();
            assert_eq!(chosen(&done), [outcome]);
            assert_eq!(*done.output, json!({"payload": 1}));
        }
        let late = came(How::Timeout, None).unwrap();
        assert_eq!(
            (chosen(&late), &*late.output),
            (vec!["timeout".to_owned()], &json!({"outcome": "timeout"}))
        );
        assert!(came(How::Resumed, Some("perhaps")).is_err());
    }

    #[test]
    fn a_pinned_output_says_what_was_decided_and_else_it_was_approved() {
        for (output, handle) in [
            (json!({"outcome": "rejected"}), "rejected"),
            (json!({"outcome": "perhaps"}), "approved"),
            (json!(null), "approved"),
        ] {
            assert_eq!(
                LogicApproval.pinned(&output),
                Outcome::Chose(vec![handle.to_owned()])
            );
        }
    }
}
