//! Settings that are expressions: `trigger.items`, `{{ trigger.items }}`, or a value as it stands.
//!
//! They are evaluated here from the node's configuration as it was saved, never from the rendered one: what a
//! template renders is data, and data is not evaluated a second time.

use flow::{Names, Template};
use serde_json::Value;

use super::NodeError;

/// The value of an expression; what was missing is added to `warnings`.
pub(super) fn evaluate(
    config: &Value,
    name: &str,
    names: &dyn Names,
    warnings: &mut Vec<String>,
) -> Result<Value, NodeError> {
    let source = match config.get(name) {
        Some(Value::String(source)) if source.trim().is_empty() => return Ok(Value::Null),
        Some(Value::String(source)) => source,
        Some(value) => return Ok(value.clone()),
        None => return Ok(Value::Null),
    };
    let rendered = Template::expression(source).and_then(|template| template.render(names));
    let rendered = rendered.map_err(|error| NodeError::failed(format!("{name}: {error}")))?;
    warnings.extend(rendered.warnings);
    Ok(rendered.value)
}
