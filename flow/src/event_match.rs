//! Whether an emitted event is one that a wait waits for: the `match` of `logic-wait`, after its templates were
//! rendered. What it says is taken literally, because it may hold what strangers wrote.

mod contains;

use serde_json::Value;

use crate::{
    condition::{Condition, ConditionError, Values},
    template::budget::Budget,
};

/// A `match` that has been read.
#[derive(Debug, Clone)]
pub struct EventMatch(Form);

#[derive(Debug, Clone)]
enum Form {
    /// Nothing is asked.
    Any,
    Condition(Condition),
    /// What the payload must contain.
    Contains(Value),
}

impl EventMatch {
    /// Reads a rendered `match`: null or `{}` takes every event; an object with `rules` or `expression` is a
    /// condition over `event`, `payload`, `source`, `correlation_id` and `timestamp`; any other object is what the
    /// payload must contain, as `jsonb @>` in Postgres.
    ///
    /// # Errors
    /// If it is none of these, or the condition is wrong.
    pub fn parse(rendered: &Value) -> Result<EventMatch, ConditionError> {
        EventMatch::read(rendered, Values::Literal).map(EventMatch)
    }

    /// The same for a `match` as it is drawn, where values may be templates. A `match` that is one template can be
    /// checked only when it has been rendered.
    ///
    /// # Errors
    /// As [`EventMatch::parse`].
    pub fn check(drawn: &Value) -> Result<(), ConditionError> {
        EventMatch::read(drawn, Values::Templates).map(drop)
    }

    fn read(given: &Value, values: Values) -> Result<Form, ConditionError> {
        let is_condition = ["rules", "expression"].iter().any(|key| given.get(key).is_some());
        match given {
            Value::Null => Ok(Form::Any),
            Value::Object(asked) if asked.is_empty() => Ok(Form::Any),
            Value::Object(_) if is_condition => {
                without_tags(given)?;
                Ok(Form::Condition(Condition::parse_with(given, values)?))
            }
            Value::Object(_) => Ok(Form::Contains(given.clone())),
            _ => Err(ConditionError::Form(
                "`match` is an object: what the payload must contain, or `rules`, or an `expression`",
            )),
        }
    }

    /// Whether this event is wanted. `event` is `{"event", "payload", "source", "correlation_id", "timestamp"}`.
    ///
    /// # Errors
    /// If the payload is too large to be compared with so much.
    pub fn takes(&self, event: &Value) -> Result<bool, ConditionError> {
        match &self.0 {
            Form::Any => Ok(true),
            Form::Condition(condition) => Ok(condition.evaluate(event).value),
            Form::Contains(asked) => {
                let payload = event.get("payload").unwrap_or(&Value::Null);
                contains::contains(payload, asked, &Budget::new()).map_err(|trouble| trouble.at(1).into())
            }
        }
    }
}

/// Whether a wait with this rendered `match` takes this event.
///
/// ```
/// use serde_json::json;
///
/// let event = json!({"event": "paid", "payload": {"order": 7, "lines": [{"sku": "a", "n": 1}]}});
/// let takes = |asked| flow::event_matches(&asked, &event).unwrap();
/// assert!(takes(json!({"lines": [{"sku": "a"}]})));
/// assert!(takes(json!({"rules": [{"field": "payload.order", "operator": "equals", "value": "7"}]})));
/// assert!(!takes(json!({"order": 8})));
/// ```
///
/// # Errors
/// As [`EventMatch::parse`] and [`EventMatch::takes`].
pub fn event_matches(rendered: &Value, event: &Value) -> Result<bool, ConditionError> {
    EventMatch::parse(rendered)?.takes(event)
}

/// The texts that are read as expressions hold no templates: what a template puts there would be read, too.
fn without_tags(condition: &Value) -> Result<(), ConditionError> {
    let rules = condition
        .get("rules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let fields = rules.filter_map(|rule| rule.get("field"));
    let texts = condition.get("expression").into_iter().chain(fields);
    let tagged = |text: &str| ["{{", "{%"].iter().any(|tag| text.contains(tag));
    if texts.filter_map(Value::as_str).any(tagged) {
        return Err(ConditionError::Form(
            "in `match` only the `value` of a rule may be a template; `field` and `expression` read the event, \
             such as `payload.amount`",
        ));
    }
    Ok(())
}
