//! `transform-map`: a new list, item by item; `mapping` is rendered once for each with `item` and `index`.

use async_trait::async_trait;
use flow::Configured;
use serde_json::{Value, json};

use super::items::{self, Around, Budget};
use super::{Class, Done, NodeError, NodeKind, NodeRun, setting};

/// The node type.
pub struct TransformMap;

#[async_trait]
impl NodeKind for TransformMap {
    fn name(&self) -> &'static str {
        "transform-map"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let mut warnings = Vec::new();
        let list = items::input_array(&run, &mut warnings)?;
        let mapping = run
            .node
            .config
            .get("mapping")
            .ok_or_else(|| setting::missing("mapping"))?;
        // Wrapped, because a mapping may be a single template.
        let failed = |error: flow::TemplateError| NodeError::failed(error.to_string());
        let mapping =
            Configured::compile_fields(&json!({ "mapping": mapping }), &|_| true).map_err(failed)?;
        let around = Around::new(run.names, &mapping.names());

        let mut budget = Budget::new(run.services.limits.max_output);
        let mut mapped = Vec::new();
        for (index, item) in list.iter().enumerate() {
            let mut rendered = budget
                .spend(|| mapping.render(&around.item(item, index)))
                .await?
                .map_err(|error| NodeError::failed(format!("item {index}: {error}")))?;
            items::note(&mut warnings, std::mem::take(&mut rendered.warnings));
            let value = rendered
                .value
                .get_mut("mapping")
                .map(Value::take)
                .unwrap_or_default();
            budget.keep(&value)?;
            mapped.push(value);
        }
        Ok(Done {
            warnings,
            ..Done::with(Value::from(mapped))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Run;
    use super::*;

    async fn mapped(config: Value) -> Result<Done, NodeError> {
        let names = json!({"trigger": {"items": [{"n": 1}, {"n": 2}], "text": "{{ secret }}"}, "factor": 10});
        Run::new("transform-map", config)
            .names(names)
            .go(&TransformMap)
            .await
    }

    #[tokio::test]
    async fn every_item_is_mapped_with_its_index_and_what_is_around() {
        for (list, mapping, expected) in [
            ("trigger.items", json!("{{ item.n * factor }}"), json!([10, 20])),
            (
                "{{ trigger.items }}",
                json!({"i": "{{ index }}", "t": "#{{ item.n }}"}),
                json!([{"i": 0, "t": "#1"}, {"i": 1, "t": "#2"}]),
            ),
            (
                "trigger.items",
                json!("constant"),
                json!(["constant", "constant"]),
            ),
            (
                "trigger.items",
                json!(["{{ item.n }}", 5]),
                json!([[1, 5], [2, 5]]),
            ),
        ] {
            let done = mapped(json!({"inputArray": list, "mapping": mapping}))
                .await
                .unwrap();
            assert_eq!(*done.output, expected, "{mapping}");
        }
        let literal = mapped(json!({"inputArray": [3], "mapping": "{{ item }}"}))
            .await
            .unwrap();
        assert_eq!(*literal.output, json!([3]));
    }

    #[tokio::test]
    async fn what_is_no_list_is_said_so() {
        for (list, kind) in [
            ("trigger.nothing", "nothing (null)"),
            ("factor", "a number"),
            ("trigger", "an object"),
        ] {
            let error = mapped(json!({"inputArray": list, "mapping": "x"}))
                .await
                .unwrap_err();
            assert_eq!(
                error.message,
                format!("inputArray must be a list, but it is {kind}")
            );
        }
    }

    #[tokio::test]
    async fn text_that_a_template_gave_is_not_evaluated_again() {
        let error = mapped(json!({"inputArray": "{{ trigger.text }}", "mapping": "x"}))
            .await
            .unwrap_err();
        assert_eq!(error.message, "inputArray must be a list, but it is a text");
    }

    #[tokio::test]
    async fn an_output_beyond_the_limit_fails() {
        let long = "x".repeat(60_000);
        let config = json!({"inputArray": vec![0; 100], "mapping": long});
        assert_eq!(mapped(config).await.unwrap_err().code, "too_large");
    }
}
