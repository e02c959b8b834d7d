//! `logic-condition`: leaves by `true` or `false`.

use async_trait::async_trait;
use flow::Condition;
use serde_json::json;

use super::{Class, Done, NodeError, NodeKind, NodeRun};

/// The node type.
pub struct LogicCondition;

#[async_trait]
impl NodeKind for LogicCondition {
    fn name(&self) -> &'static str {
        "logic-condition"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let condition =
            Condition::parse(&run.node.config).map_err(|error| NodeError::failed(error.to_string()))?;
        let evaluated = condition.evaluate(run.names);
        let handle = if evaluated.value { "true" } else { "false" };
        Ok(Done {
            warnings: evaluated.warnings,
            ..Done::chose(json!({ "result": evaluated.value }), handle)
        })
    }
}
