//! `logic-stop`: ends the execution at once, wherever other branches are (rule 12).

use std::sync::Arc;

use async_trait::async_trait;
use flow::{Outcome, Stop};

use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct LogicStop;

#[async_trait]
impl NodeKind for LogicStop {
    fn name(&self) -> &'static str {
        "logic-stop"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let stop = match setting::text(run.config, "status")?.as_deref() {
            None | Some("success") => Stop::Success,
            Some("failure") => Stop::Failure,
            Some("cancelled") => Stop::Cancelled,
            Some(_) => return Err(NodeError::failed("status must be success, failure or cancelled")),
        };
        // An output that was given counts even if it is null; without one, what led here is the result.
        let output = match run.config.get("output") {
            Some(output) => Arc::new(output.clone()),
            None => run.input.clone(),
        };
        Ok(Done {
            outcome: Outcome::Stopped(stop),
            ..Done::with(output)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn each_status_stops_with_its_output() {
        for (config, stop, output) in [
            (json!({}), Stop::Success, json!("in")),
            (
                json!({"status": "success", "output": {"a": "{{ x }}"}}),
                Stop::Success,
                json!({"a": 1}),
            ),
            (
                json!({"status": "failure", "message": "no"}),
                Stop::Failure,
                json!("in"),
            ),
            (
                json!({"status": "cancelled", "output": null}),
                Stop::Cancelled,
                json!(null),
            ),
        ] {
            let run = Run::new("logic-stop", config.clone())
                .names(json!({"x": 1}))
                .input(json!("in"));
            let done = run.go(&LogicStop).await.unwrap();
            assert_eq!(
                (done.outcome, &*done.output),
                (Outcome::Stopped(stop), &output),
                "{config}"
            );
        }
        let unknown = Run::new("logic-stop", json!({"status": "maybe"}))
            .go(&LogicStop)
            .await;
        assert_eq!(unknown.unwrap_err().code, "node_failed");
    }
}
