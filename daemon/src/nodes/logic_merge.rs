//! `logic-merge`: joins branches. When it runs is the position's business (rule 8); it only passes its input on.

use async_trait::async_trait;

use super::{Class, Done, NodeError, NodeKind, NodeRun};

/// The node type.
pub struct LogicMerge;

#[async_trait]
impl NodeKind for LogicMerge {
    fn name(&self) -> &'static str {
        "logic-merge"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        Ok(Done::with(run.input.clone()))
    }
}
