//! `transform-filter`: keeps the items for which a condition over `item` and `index` holds.

use async_trait::async_trait;
use flow::Condition;

use super::items::{self, Around, Budget};
use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct TransformFilter;

#[async_trait]
impl NodeKind for TransformFilter {
    fn name(&self) -> &'static str {
        "transform-filter"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let mut warnings = Vec::new();
        let list = items::input_array(&run, &mut warnings)?;
        let condition = run
            .node
            .config
            .get("condition")
            .ok_or_else(|| setting::missing("condition"))?;
        let condition =
            Condition::parse(condition).map_err(|error| NodeError::failed(format!("condition: {error}")))?;
        let around = Around::new(run.names, &condition.names());

        let mut budget = Budget::new(run.services.limits.max_output);
        let mut kept = Vec::new();
        for (index, item) in list.into_iter().enumerate() {
            let evaluated = budget
                .spend(|| condition.evaluate(&around.item(&item, index)))
                .await?;
            items::note(&mut warnings, evaluated.warnings);
            if evaluated.value {
                budget.keep(&item)?;
                kept.push(item);
            }
        }
        Ok(Done {
            warnings,
            ..Done::with(serde_json::Value::from(kept))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn items_are_kept_by_any_form_of_condition() {
        for (condition, expected) in [
            (json!("item.n > 1"), json!([{"n": 2}, {"n": 3}])),
            (json!("{{ item.n > least }}"), json!([{"n": 3}])),
            (json!({"expression": "index == 0"}), json!([{"n": 1}])),
            (
                json!([{"field": "item.n", "operator": "lte", "value": "{{ least }}"}]),
                json!([{"n": 1}, {"n": 2}]),
            ),
            (
                json!({"rules": [
                    {"field": "item.n", "operator": "equals", "value": "1"},
                    {"field": "item.n", "operator": "equals", "value": 3},
                ], "logic": "or"}),
                json!([{"n": 1}, {"n": 3}]),
            ),
            (json!("item.gone"), json!([])),
        ] {
            let config = json!({"inputArray": "list", "condition": condition});
            let names = json!({"list": [{"n": 1}, {"n": 2}, {"n": 3}], "least": 2});
            let done = Run::new("transform-filter", config)
                .names(names)
                .go(&TransformFilter)
                .await
                .unwrap();
            assert_eq!(*done.output, expected, "{condition}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_filtered_says_why() {
        for config in [
            json!({"inputArray": "list", "condition": "true"}),
            json!({"inputArray": [1], "condition": "item +"}),
            json!({"inputArray": [1]}),
            json!({"condition": "true"}),
        ] {
            let error = Run::new("transform-filter", config.clone())
                .go(&TransformFilter)
                .await
                .unwrap_err();
            assert!(
                error.message.starts_with("inputArray ") || error.message.starts_with("condition"),
                "{config}: {error}"
            );
        }
    }
}
