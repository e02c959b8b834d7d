//! `logic-loop`: looks at its list. What runs for each item, and what it gives in the end, is the position's and the
//! story's business (rules 4, 5 and 9).

use async_trait::async_trait;
use flow::Outcome;
use serde_json::Value;

use super::{Class, Done, NodeError, NodeKind, NodeRun, expression, setting};

/// The node type.
pub struct LogicLoop;

/// As the catalogue has it.
const MAX_ITERATIONS: u64 = 1_000;
/// What `maxIterations` may be at most, as the catalogue has it.
const MOST: u64 = 100_000;

#[async_trait]
impl NodeKind for LogicLoop {
    fn name(&self) -> &'static str {
        "logic-loop"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let mut warnings = Vec::new();
        let list = expression::evaluate(&run.node.config, "arrayExpression", run.names, &mut warnings)?;
        let Value::Array(items) = &list else {
            return Err(setting::wrong("arrayExpression", "a list", &list));
        };
        let items = items.len() as u64;
        let most = setting::integer(run.config, "maxIterations", MAX_ITERATIONS, 1..=MOST)?;
        if items > most {
            let message = format!("the list has {items} items, and maxIterations is {most}");
            return Err(NodeError::failed(message));
        }
        Ok(Done {
            outcome: Outcome::Items(items),
            warnings,
            ..Done::with(list)
        })
    }

    fn pinned(&self, items: &Value) -> Outcome {
        Outcome::Items(items.as_array().map_or(0, Vec::len) as u64)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::Run;
    use super::*;

    async fn run(config: Value) -> Result<Done, NodeError> {
        let names = json!({"trigger": {
            "list": [{"n": 1}, 2, null], "none": null, "object": {}, "text": "[1]", "empty": [], "many": vec![0; 1_001],
        }});
        Run::new("logic-loop", config).names(names).go(&LogicLoop).await
    }

    #[tokio::test]
    async fn the_list_is_the_output_until_the_results_are_there() {
        let done = run(json!({"arrayExpression": "trigger.list"})).await.unwrap();
        assert_eq!(done.outcome, Outcome::Items(3));
        assert_eq!(*done.output, json!([{"n": 1}, 2, null]));
        let empty = run(json!({"arrayExpression": "{{ trigger.empty }}"}))
            .await
            .unwrap();
        assert_eq!((empty.outcome, &*empty.output), (Outcome::Items(0), &json!([])));
        let given = run(json!({"arrayExpression": [1, 2]})).await.unwrap();
        assert_eq!(given.outcome, Outcome::Items(2));
    }

    #[tokio::test]
    async fn what_is_no_list_fails_and_says_what_it_is() {
        for (name, is) in [
            ("trigger.none", "nothing (null)"),
            ("trigger.nobody.here", "nothing (null)"),
            ("trigger.object", "an object"),
            ("trigger.text", "a text"),
            ("5", "a number"),
        ] {
            let error = run(json!({"arrayExpression": name})).await.unwrap_err();
            assert_eq!(error.code, "node_failed");
            assert_eq!(
                error.message,
                format!("arrayExpression must be a list, but it is {is}")
            );
        }
    }

    #[tokio::test]
    async fn a_list_longer_than_max_iterations_fails_and_names_both_numbers() {
        let error = |config: Value| async { run(config).await.unwrap_err().message };
        assert_eq!(
            error(json!({"arrayExpression": "trigger.many"})).await,
            "the list has 1001 items, and maxIterations is 1000"
        );
        assert_eq!(
            error(json!({"arrayExpression": "trigger.list", "maxIterations": 2})).await,
            "the list has 3 items, and maxIterations is 2"
        );
        let all = run(json!({"arrayExpression": "trigger.many", "maxIterations": 1_001})).await;
        assert_eq!(all.unwrap().outcome, Outcome::Items(1_001));
    }
}
