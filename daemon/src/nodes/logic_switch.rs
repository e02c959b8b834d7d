//! `logic-switch`: leaves by the handle of the first case that equals its expression, else by the default's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use flow::Condition;
use serde_json::{Value, json};

use super::items::Budget;
use super::{Class, Done, NodeError, NodeKind, NodeRun, expression, setting};

/// The node type.
pub struct LogicSwitch;

/// Equality as conditions have it, so that a switch and a condition never disagree about `"5"` and `5`.
static EQUALS: LazyLock<Option<Condition>> = LazyLock::new(|| {
    let rule = json!({ "field": "{{ found }}", "operator": "equals", "value": "{{ case }}" });
    Condition::parse(&json!({ "rules": [rule], "logic": "and" })).ok()
});

#[async_trait]
impl NodeKind for LogicSwitch {
    fn name(&self) -> &'static str {
        "logic-switch"
    }

    fn class(&self) -> Class {
        Class::Pure
    }

    async fn run(&self, run: NodeRun<'_>) -> Result<Done, NodeError> {
        let mut warnings = Vec::new();
        let found = expression::evaluate(&run.node.config, "expression", run.names, &mut warnings)?;
        let cases = match run.config.get("cases") {
            Some(Value::Array(cases)) => cases.as_slice(),
            None | Some(Value::Null) => &[],
            Some(other) => return Err(setting::wrong("cases", "a list", other)),
        };
        let (case, handle) = match first_equal(&found, cases).await? {
            Some((number, case)) => (shown(case, number), Some(handle_of(case, number))),
            None => (Value::Null, setting::text(run.config, "defaultHandleId")?),
        };
        let done = Done::with(json!({ "value": found, "case": case }));
        // No handle is a choice too: nothing goes on from here.
        let outcome = flow::Outcome::Chose(handle.into_iter().collect());
        Ok(Done {
            outcome,
            warnings,
            ..done
        })
    }
}

/// The first case whose value equals, with its number from 0. Bounded, because both may be as large as a graph.
async fn first_equal<'a>(found: &Value, cases: &'a [Value]) -> Result<Option<(usize, &'a Value)>, NodeError> {
    let mut budget = Budget::new(0);
    for (number, case) in cases.iter().enumerate() {
        let value = case.get("value").unwrap_or(&Value::Null);
        if budget.spend(|| equal(found, value)).await? {
            return Ok(Some((number, case)));
        }
    }
    Ok(None)
}

/// Whether two values are equal as `equals` means it. Null equals null: a case may ask for what is missing.
fn equal(found: &Value, case: &Value) -> bool {
    if found.is_null() && case.is_null() {
        return true;
    }
    let names = BTreeMap::from([
        ("found".to_owned(), found.clone()),
        ("case".to_owned(), case.clone()),
    ]);
    EQUALS
        .as_ref()
        .is_some_and(|condition| condition.evaluate(&names).value)
}

/// The handle that the editor drew: its id, else the label, else the number.
fn handle_of(case: &Value, number: usize) -> String {
    let named = |key| {
        case.get(key)
            .and_then(setting::scalar)
            .filter(|name| !name.is_empty())
    };
    named("handleId")
        .or_else(|| named("label"))
        .unwrap_or_else(|| number.to_string())
}

/// What the output calls the case: its label, else its handle.
fn shown(case: &Value, number: usize) -> Value {
    let label = case
        .get("label")
        .and_then(setting::scalar)
        .filter(|label| !label.is_empty());
    label.unwrap_or_else(|| handle_of(case, number)).into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Run, chosen};
    use super::*;

    #[tokio::test]
    async fn the_first_equal_case_is_chosen() {
        let cases = json!([
            {"label": "New", "value": "new", "handleId": "h1"},
            {"label": "Five", "value": 5, "handleId": "h2"},
            {"label": "Again", "value": "new", "handleId": "h3"},
            {"label": "Labelled", "value": "labelled"},
            {"value": "numbered"},
            {"label": "Owner", "value": "{{ owner }}", "handleId": "h6"},
            {"label": "Yes", "value": true, "handleId": "h7"},
        ]);
        for (found, handle) in [
            (json!("new"), Some("h1")),
            (json!(5), Some("h2")),
            (json!("5"), Some("h2")),
            (json!(5.0), Some("h2")),
            (json!("labelled"), Some("Labelled")),
            (json!("numbered"), Some("4")),
            (json!("ann"), Some("h6")),
            (json!(true), Some("h7")),
            (json!("other"), Some("else")),
            (json!(null), Some("else")),
            (json!(["new"]), Some("else")),
        ] {
            let config = json!({"expression": "trigger.x", "cases": cases, "defaultHandleId": "else"});
            let names = json!({"trigger": {"x": found}, "owner": "ann"});
            let done = Run::new("logic-switch", config)
                .names(names)
                .go(&LogicSwitch)
                .await
                .unwrap();
            assert_eq!(chosen(&done).first().map(String::as_str), handle, "{found}");
        }
    }

    #[tokio::test]
    async fn without_a_match_and_a_default_nothing_goes_on() {
        let config = json!({"expression": "{{ trigger.x }}", "cases": [{"value": "a", "handleId": "a"}]});
        let done = Run::new("logic-switch", config)
            .names(json!({"trigger": {}}))
            .go(&LogicSwitch)
            .await
            .unwrap();
        assert_eq!(chosen(&done), Vec::<String>::new());
        assert_eq!(*done.output, json!({"value": null, "case": null}));
        assert!(!done.warnings.is_empty());
    }
}
